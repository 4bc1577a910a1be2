"""What a task's end counts for, who is told, and how many breakers there may be."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pools import breakers as module
from pools.breaker import BreakerSpec
from pools.breakers import HELD_TARGETS, Breakers, Usual
from pools.errors import BadArgument
from tests.support.clocks import Clock


class Setup:
    """Breakers of two pools, a clock by hand, and what they said."""

    def __init__(self, **facts: object) -> None:
        self.clock = Clock()
        self.said: list[tuple[str, str]] = []
        self.breakers = Breakers(
            BreakerSpec(**facts),  # type: ignore[arg-type]
            ["p1", "p2"],
            clock=self.clock.s,
            chance=Random(1),
            on_change=lambda name, text: self.said.append((name, text)),
        )

    def fail(self, error: str, times: int = 5, kind: str = "counter") -> None:
        self.breakers.record(0, kind, None, times, [error] * times)

    def states(self) -> list[str]:
        """Of pool p1, and of the kind in it."""
        found = {(one["pool"], one["kind"]): one["state"] for one in self.breakers.facts()}
        return [found["p1", None], found["p1", "counter"]]


@pytest.mark.parametrize("error", sorted(module._PLACE))
def test_a_failure_of_the_place_counts_for_the_pool_and_the_kind_in_it(error: str) -> None:
    setup = Setup()
    setup.fail(error)
    assert setup.states() == ["open", "open"]
    assert not setup.breakers.is_open_to(0, "other")
    assert setup.breakers.is_open_to(1, "counter")


@pytest.mark.parametrize("error", ["ValueError", "user.WorkerDied", "BadReply", "StateTooLarge", "MailboxFull"])
def test_an_error_of_the_agents_own_counts_for_its_kind_in_that_pool_only(error: str) -> None:
    """So does a full mailbox: who floods one agent must not close its pool to everybody."""
    setup = Setup()
    setup.fail(error)
    assert setup.states() == ["closed", "open"]
    assert setup.breakers.is_open_to(0, "other")


@pytest.mark.parametrize("error", sorted(module._NOBODY))
def test_what_is_the_callers_fault_counts_nowhere(error: str) -> None:
    setup = Setup()
    setup.fail(error, 100)
    assert setup.states() == ["closed", "closed"]


def test_slow_tasks_count_for_both() -> None:
    setup = Setup()
    setup.breakers.record(0, "counter", None, 20, (), 16)
    assert setup.states() == ["open", "open"]


def test_results_of_what_was_sent_before_it_opened_are_ignored() -> None:
    setup = Setup()
    pair = setup.breakers.pair(0, "counter")
    before = pair.place.opening, pair.kind.opening
    setup.fail("WorkerDied")
    setup.clock.pass_s(1.3)
    assert setup.breakers.admit(0, "counter", 10) == 3
    setup.breakers.record(0, "counter", before, 100, ["WorkerDied"] * 100)
    assert setup.states() == ["half-open", "half-open"]
    setup.breakers.record(0, "counter", None, 3, ())
    assert setup.states() == ["closed", "closed"]
    assert setup.breakers.is_calm


def test_a_probe_that_only_one_of_two_admits_is_given_back_to_the_other() -> None:
    setup = Setup()
    setup.fail("WorkerDied")
    setup.breakers.record(0, "other", None, 5, ["ValueError"] * 5)
    setup.clock.pass_s(1.3)
    setup.breakers.force("open", "p1", "other")
    assert setup.breakers.admit(0, "other", 3) == 0
    assert setup.breakers.admit(0, "counter", 3) == 3


def test_every_change_is_told_once_with_its_reason() -> None:
    setup = Setup()
    setup.fail("ValueError")
    setup.clock.pass_s(1.3)
    setup.breakers.admit(0, "counter", 1)
    setup.breakers.record(0, "counter", None, 3, ())
    assert [name for name, _ in setup.said] == ["breaker.opened", "breaker.half_open", "breaker.closed"]
    assert "counter in pool p1: 5 calls failed one after the other" in setup.said[0][1]


def test_past_the_limit_all_further_kinds_of_a_pool_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    setup = Setup()
    for number in range(10):
        setup.breakers.pair(0, f"kind{number}")
    assert len(setup.breakers._kinds) == 4
    setup.fail("ValueError", kind="kind7")
    assert not setup.breakers.is_open_to(0, "kind8")
    assert setup.breakers.is_open_to(0, "kind1")
    setup.breakers.force("open", "p1", "kind9")
    assert setup.breakers.isolation(0, "kind9") is not None


@pytest.mark.parametrize(("action", "pool", "said"), [("shut", None, "open, close, auto"), ("open", "p3", "p1, p2")])
def test_who_forces_what_there_is_not_is_told_what_there_is(action: str, pool: str | None, said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        Setup().breakers.force(action, pool)


def test_held_open_a_pool_refuses_every_kind_and_auto_lets_all_go() -> None:
    setup = Setup()
    setup.breakers.force("open", "p1")
    setup.breakers.force("open", "p2", "counter")
    assert setup.breakers.isolation(0, "anything") is not None
    assert setup.breakers.isolation(1, "counter") is not None
    assert setup.breakers.isolation(1, "other") is None
    assert setup.breakers.counts()["forced"] == 2
    setup.breakers.force("auto")
    assert setup.breakers.isolated == set()
    assert setup.breakers.is_calm


def test_what_workers_say_of_targets_outside_is_shown_until_they_close_or_die() -> None:
    setup = Setup()
    facts = {"state": "open", "mode": "auto", "retry_after_s": 2.0, "why": "5 calls failed"}
    for worker, target in (("p1", "a"), ("p1", "b"), ("p2", "a")):
        setup.breakers.heard(worker, {"target": target, "event": "breaker.opened", "facts": facts})
    setup.clock.pass_s(0.5)
    assert [(one["worker"], one["target"], one["retry_after_s"]) for one in setup.breakers.outside()] == [
        ("p1", "a", 1.5), ("p2", "a", 1.5), ("p1", "b", 1.5),
    ]  # fmt: skip
    setup.breakers.heard("p1", {"target": "a", "event": "breaker.closed", "facts": {**facts, "state": "closed", "why": ""}})
    setup.breakers.gone("p2")
    assert [(one["worker"], one["target"]) for one in setup.breakers.outside()] == [("p1", "b")]


def test_what_an_operator_holds_outside_is_told_to_the_workers_also_to_later_ones() -> None:
    setup = Setup()
    told: list[Any] = []
    setup.breakers.on_held = lambda *facts: told.append(facts)
    assert setup.breakers.force("open", "p1", target="a") == [
        {"pool": "p1", "target": "a", "state": "open", "mode": "forced open"}
    ]
    assert [one["pool"] for one in setup.breakers.force("close", target="b")] == ["p1", "p2"]
    assert told == [(0, "a", "open"), (0, "b", "closed"), (1, "b", "closed")]
    assert [setup.breakers.held(pool) for pool in (0, 1)] == [{"a": "open", "b": "closed"}, {"b": "closed"}]
    assert setup.breakers.force("auto", "p1", target="b")[0]["mode"] == "auto"
    told.clear()
    setup.breakers.force("auto")
    assert told == [(0, "a", None), (1, "b", None)]
    assert setup.breakers.held(0) == setup.breakers.held(1) == {}


def test_a_target_that_is_held_is_shown_though_it_is_closed_and_its_time_does_not_run() -> None:
    setup = Setup()
    for state, retry_after_s in (("open", 60.0), ("closed", None)):
        facts = {"state": state, "mode": f"forced {state}", "retry_after_s": retry_after_s, "why": ""}
        setup.breakers.heard("p1", {"target": state, "event": None, "facts": facts})
    setup.clock.pass_s(5)
    assert [(one["target"], one["retry_after_s"]) for one in setup.breakers.outside()] == [("closed", None), ("open", 60.0)]
    assert not setup.said, "nothing has changed"


def test_what_cannot_be_held_is_refused_and_changes_nothing() -> None:
    setup = Setup()
    wrong: list[dict[str, Any]] = [
        {"target": ""}, {"target": "a\nb"}, {"target": "x" * 201},
        {"target": "a", "kind": "counter"}, {"target": "a", "pool": "p9"},
    ]  # fmt: skip
    for facts in wrong:
        with pytest.raises(BadArgument):
            setup.breakers.force("open", **facts)
    for number in range(HELD_TARGETS // 2):
        setup.breakers.force("open", target=f"t{number}")
    with pytest.raises(BadArgument, match="more than 512 targets"):
        setup.breakers.force("open", target="one more")
    assert setup.breakers.force("close", target="t0"), "it is held already"
    assert len(setup.breakers.held(0)) == HELD_TARGETS // 2


def test_a_task_is_slow_past_three_times_the_usual_and_never_below_the_least() -> None:
    usual = Usual(BreakerSpec())
    assert usual.slow_s == float("inf")
    for at in range(100):
        usual.add(0.001, 10, at)
    assert usual.slow_s == 1.0
    for at in range(100, 200):
        usual.add(2.0, 10, at)
    assert 6.0 <= usual.slow_s <= 7.5
    assert Usual(BreakerSpec(slow_s=0.25)).slow_s == 0.25


def test_the_record_of_a_kind_in_a_pool_follows_what_comes() -> None:
    pair = Setup().breakers.pair(0, "counter")
    assert pair.success == 0.5
    pair.note(10_000, 0)
    assert pair.success > 0.99
    for _ in range(10):
        pair.note(0, 1_000)
    assert pair.success < 0.01
