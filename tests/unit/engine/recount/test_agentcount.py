"""Agents are the keys that were spawned and not removed, each once."""

from __future__ import annotations

from random import Random
from typing import Any

from engine.recount.agentcount import AgentCount


def test_acts_are_done_in_their_order() -> None:
    count = AgentCount()
    acts: list[Any] = [
        ["+", [["p", 0, 10]], []],
        ["+", [], [["p", ["a", "b"]]]],
        ["-", 1, [["p", 2, 4]], [["p", ["a"]]]],
        [".", 1],
        ["+", [["p", 3, 4]], [["q", ["c"]]], ["skill"]],
    ]
    count.take("agents", "x", {"ranges": [["q", 10, 20]], "names": [["p", ["z"]]], "acts": acts})
    count.take("agents", "y", {"acts": [["+", [["p", 0, 5]], []]]})
    count.take("class", "x", {"reference": "m:C"})
    assert count.total == (10 + 10 - 2 + 1) + (1 + 2 - 1 + 1) + 5


def test_any_spans_make_the_same_as_a_set_of_numbers(chance: Random) -> None:
    count, numbers = AgentCount(), set[int]()
    acts: list[Any] = []
    for act in range(200):
        start = chance.randrange(100)
        stop = start + chance.randrange(30)
        if chance.random() < 0.5:
            acts.append(["+", [["p", start, stop]], []])
            numbers |= set(range(start, stop))
        else:
            acts.append(["-", act, [["p", start, stop]], []])
            numbers -= set(range(start, stop))
    count.take("agents", "x", {"acts": acts})
    assert count.total == len(numbers)


def test_who_is_on_trial_or_parked_has_failed_and_who_is_well_again_has_not() -> None:
    count = AgentCount()
    for number, status in enumerate(("trial", "parked", "released", "recovered", "")):
        count.take("sick", f"x/{number}", {"status": status})
    assert count.failed == 2
