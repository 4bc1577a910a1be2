"""What is seen of a worker costs its tasks nothing, and reaches the breakers soon."""

from __future__ import annotations

from typing import Any

import pytest

from pools.errors import Failure
from pools.sight import COUNTED, Sight
from tests.unit.pools.test_breakers import Setup


class Seen(Setup):
    """One worker of pool p1."""

    def __init__(self) -> None:
        super().__init__()
        self.sight = Sight(0, self.breakers)

    def done(self, keys: list[Any], seconds: float = 0.01, **reply: Any) -> None:
        opening = self.sight.sent("counter", keys)
        self.answer(keys, opening, seconds, **reply)

    def answer(self, keys: list[Any], opening: tuple[int, int], seconds: float = 0.01, **reply: Any) -> None:
        answer = {"v": [None] * len(keys), **reply}
        self.sight.answered({"k": "counter", "i": keys, "m": "add"}, opening, answer, seconds, self.clock.s())

    def facts(self) -> dict[str, Any]:
        return next(one for one in self.breakers.facts() if one["kind"] == "counter")


def test_whoever_looks_sees_all_that_ended() -> None:
    seen = Seen()
    for _ in range(100):
        seen.done([1, 2, 3])
    assert seen.facts()["calls"] == 300


def test_what_failed_is_told_at_once_and_after_what_went_well_before() -> None:
    seen = Seen()
    seen.done([1])
    seen.done([1, 2, 3, 4], e=[[at, "ValueError", ""] for at in range(4)])
    assert seen.facts()["state"] == "closed"
    seen.done([1])
    seen.done([1], e=[[0, "ValueError", ""]])
    assert seen.facts()["state"] == "closed"
    seen.done([1, 2, 3, 4], e=[[at, "ValueError", ""] for at in range(4)])
    assert seen.facts()["state"] == "open"


def test_what_was_sent_before_a_change_counts_no_more() -> None:
    seen = Seen()
    opening = seen.sight.sent("counter", [7])
    seen.done([1] * 5, e=[[at, "ValueError", ""] for at in range(5)])
    seen.clock.pass_s(1.3)
    assert seen.breakers.admit(0, "counter", 1) == 1
    seen.answer([7], opening, e=[[0, "ValueError", ""]])
    assert seen.facts()["state"] == "half-open"


def test_what_does_not_come_back_has_failed() -> None:
    seen = Seen()
    opening = seen.sight.sent("counter", list(range(10)))
    seen.sight.lost("counter", opening, 10, Failure("WorkerDied", ""))
    assert seen.states() == ["open", "open"]


def test_the_time_of_a_kind_follows_what_comes() -> None:
    seen = Seen()
    assert seen.sight.usual_s("counter") is None
    for _ in range(100):
        seen.done([1], 0.01)
        seen.clock.pass_s(0.1)
    assert seen.sight.usual_s("counter") == pytest.approx(0.01)
    for _ in range(100):
        seen.done([1], 0.2)
        seen.clock.pass_s(0.1)
    assert seen.sight.usual_s("counter") == pytest.approx(0.2, rel=0.05)
    assert seen.sight.seen_s("counter") == pytest.approx(seen.clock.s() - 0.1)


def test_agents_are_counted_once_somebody_wants_to_know_and_only_if_they_are_few() -> None:
    seen = Seen()
    seen.sight.sent("counter", [1, 1])
    assert seen.sight.flying("counter", 1) == 0
    seen.sight.count("counter", 10)
    seen.sight.sent("counter", [1, 1, 2])
    assert seen.sight.flying("counter", 1) == 2
    seen.sight.count("counter", COUNTED + 1)
    assert seen.sight.flying("counter", 1) == 0


def test_an_operators_word_refuses_what_leaves() -> None:
    seen = Seen()
    assert seen.sight.refusal("counter") is None
    seen.breakers.force("open", "p1", "counter")
    refusal = seen.sight.refusal("counter")
    assert refusal is not None
    assert refusal.retry_after_s == 60
    assert seen.sight.refusal("other") is None
