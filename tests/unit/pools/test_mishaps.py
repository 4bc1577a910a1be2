"""What is remembered of agents whose tasks failed: the count, and the last ones."""

from __future__ import annotations

from itertools import count

from pools.mishaps import AGENTS, LAST, Mishaps


def test_failures_are_counted_and_the_last_are_told_newest_first() -> None:
    clock = count(100)
    mishaps = Mishaps(lambda: float(next(clock)))
    for number in range(LAST + 3):
        mishaps.note("counter", 1, "add", f"1.{number}", f"ValueError: {number}")
    mishaps.note("counter", 2, "get", "9.0", "KeyError: x")
    assert (mishaps.count("counter", 1), mishaps.count("counter", 2), mishaps.count("counter", 3)) == (LAST + 3, 1, 0)
    last = mishaps.last("counter", 1)
    assert [one["task"] for one in last] == [f"1.{number}" for number in range(LAST + 2, 2, -1)]
    assert last[0] == {"at_s": 107.0, "method": "add", "task": "1.7", "error": "ValueError: 7"}
    assert mishaps.last("counter", 3) == []


def test_of_too_many_agents_those_that_failed_long_ago_are_forgotten() -> None:
    mishaps = Mishaps(lambda: 0.0)
    mishaps.note("counter", -1, "add", "", "")
    for number in range(AGENTS):
        mishaps.note("counter", number, "add", "", "")
        mishaps.note("counter", 0, "add", "", "")
    assert mishaps.count("counter", -1) == 0
    assert mishaps.count("counter", 0) == AGENTS + 1
    assert mishaps.count("counter", AGENTS - 1) == 1
