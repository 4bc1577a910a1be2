"""The ways of tasks for a kind: each to the agent that was chosen, each answered once, each end learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine import aside as module
from engine.aside import StreamedAside
from engine.foreseen import CLEAR_OUTCOMES, FRESH_S, Foreseen
from engine.parts import Parts
from pools.address import Key, parse
from pools.errors import Failure, PoolError, PoolUnavailable
from pools.link import Link
from pools.ranked import CRITICAL, NORMAL
from pools.spec import ForesightSpec
from pools.stream import Stream
from tests.support.clocks import Clock
from tests.support.grounds import Plain
from tests.support.wires import Wire


class Rig:
    """A stream before one link, behind which agent 0 fails."""

    def __init__(self, count: int = 4) -> None:
        clock = Clock()
        self.now_s = 0.0
        self.wire = Wire()
        self.link = Link(window=100_000, clock=clock.s, later=clock.later)
        self.link.attach(self.wire)
        self.ground = Plain(count)
        self.foreseen = Foreseen(ForesightSpec(control=0.0), self.ground, lambda: self.now_s)
        self._parts = Parts(None, self.foreseen)  # type: ignore[arg-type]
        self.stream = Stream(self._resolve, 10**6, lambda: None, lambda *_: None, self._deal, self._made)
        self.answers: dict[Any, Any] = {}
        self.dealt: list[int] = []
        self.failed: list[Any] = []
        self._replied = 0
        self._token = 0

    def _made(self, outer: Stream) -> StreamedAside:
        loop: Any = None
        self.aside = StreamedAside(outer, self._resolve, self._deal, self.foreseen, self._parts, loop)
        return self.aside

    def _deal(self, _kind: str, count: int) -> tuple[list[tuple[Link, Sequence[Key]]], PoolError | None]:
        self.dealt.append(count)
        return [(self.link, [1] * count)], None

    def _resolve(self, address: str) -> tuple[Link, str, Key]:
        kind, key = parse(address if "/" in address else f"{address}/1")
        return self.link, kind, key

    def send(self, count: int, *methods: Any, priority: int = NORMAL) -> list[Key]:
        """Send tasks in one chunk; returns the keys in the order of sending."""
        before = len(self.wire.keys)
        tokens = range(self._token, self._token + count * len(methods))
        self._token += len(tokens)
        self.stream.send(tokens, [("scout", method, 1) for _ in range(count) for method in methods], priority)
        return self.wire.keys[before:]

    def answer(self, failing: Key = None) -> None:
        """Answer what was sent; the tasks of one agent fail."""
        sections, self._replied = self.wire.sections[self._replied :], len(self.wire.sections)
        for section in sections:
            errors = [[at, "ValueError", "no", None] for at, key in enumerate(section["i"]) if key == failing]
            self.link.take([{"n": section["n"], "v": list(section["i"])} | ({"e": errors} if errors else {})])
        self.take()
        self.now_s += FRESH_S

    def take(self) -> None:
        while self.stream.ready:
            for result in self.stream.take():
                assert result.id not in self.answers
                self.answers[result.id] = result.value
                self.failed += [result.error] if result.error is not None else []

    def check(self, count: int) -> None:
        """Every task was answered once."""
        assert sorted(self.answers) == list(range(count))
        assert self.stream.open == 0


def test_what_fails_in_one_place_is_sent_to_others_from_then_on() -> None:
    rig = Rig()
    assert 0 in rig.send(100, "fetch")
    rig.answer(failing=0)
    assert 0 not in rig.send(100, "fetch")
    rig.answer(failing=0)
    rig.check(200)


def cleared(*methods: str) -> Rig:
    """A rig that has seen so many tasks do well that they are let pass."""
    rig = Rig(count=1)
    rig.send(CLEAR_OUTCOMES, *methods)
    rig.answer()
    assert all(rig.foreseen.is_clear(("scout", method)) for method in methods)
    return rig


def test_pairs_of_which_nothing_fails_are_passed_on_whole() -> None:
    rig = cleared("fetch")
    assert rig.dealt == []
    assert set(rig.send(500, "fetch")) == {1}  # whom the way chose, not the ground
    assert rig.dealt == [500]
    rig.answer()
    record = rig.foreseen.history.record(("scout", "fetch"))
    assert record is not None
    assert record.learned == rig.foreseen.trial.judged == CLEAR_OUTCOMES + 500
    rig.check(CLEAR_OUTCOMES + 500)


def test_of_a_chunk_only_the_pairs_that_may_fail_are_looked_at_one_by_one() -> None:
    rig = cleared("fetch")
    keys = rig.send(100, "fetch", "parse")
    assert rig.dealt == [100]
    assert sorted(keys) == [0] * 100 + [1] * 100
    rig.answer()
    rig.check(CLEAR_OUTCOMES + 200)


def test_who_is_behind_an_open_breaker_is_refused_and_nothing_is_learned_of_it() -> None:
    rig = Rig(count=1)
    rig.ground.shut.add("scout/0")
    assert rig.send(10, "fetch") == []
    rig.take()
    rig.check(10)
    assert [type(each) for each in rig.failed] == [Failure] * 10
    assert {each.type for each in rig.failed} == {"CircuitOpen"}
    assert rig.foreseen.history.record(("scout", "fetch")) is None


@pytest.mark.parametrize("made", [lambda: Rig(), lambda: cleared("fetch")], ids=["judged", "passed"])
def test_the_priority_of_tasks_goes_with_them_and_one_that_is_late_is_taken_back(made: Any) -> None:
    rig = made()
    sent, known = len(rig.wire.sections), len(rig.answers)
    rig.send(2, "fetch", priority=CRITICAL)
    assert {section["pr"] for section in rig.wire.sections[sent:]} == {CRITICAL}
    rig.link.detach(PoolUnavailable("starting"), drop_waiting=False)
    rig.take()
    rig.failed.clear()
    rig.send(3, "fetch")
    rig.stream.cancel_where(lambda token: token == known + 3)
    rig.take()
    assert [each.type for each in rig.failed] == ["TaskCancelled"]
    assert known + 3 in rig.answers


def test_pairs_that_were_passed_on_are_looked_at_again_when_they_fail() -> None:
    rig = cleared("fetch")
    rig.send(500, "fetch")
    rig.answer(failing=1)
    assert set(rig.send(100, "fetch")) == {0}
    rig.answer(failing=1)
    rig.check(CLEAR_OUTCOMES + 600)


def test_what_is_passed_on_is_judged_by_what_was_expected_when_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALIKE", 0.0)
    rig = cleared("fetch")
    rig.send(100, "fetch")
    passed = rig.aside._clear["scout", "fetch"]
    rig.foreseen.learn(rig.foreseen.clear_case(("scout", "fetch"), 5_000), 5_000, [])
    rig.now_s += FRESH_S
    rig.send(100, "fetch")
    assert rig.aside._clear["scout", "fetch"] is not passed
    assert rig.aside._former == [passed]
    rig.answer()
    rig.check(CLEAR_OUTCOMES + 200)
    assert passed.open == 0


def test_methods_of_one_chunk_are_known_apart() -> None:
    rig = Rig()
    rig.send(100, "fetch", "parse")
    rig.answer()
    records = [rig.foreseen.history.record(("scout", method)) for method in ("fetch", "parse")]
    assert [record.learned for record in records if record is not None] == [100, 100]
    rig.check(200)


def test_more_pairs_than_have_lanes_are_answered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLEAR_PAIRS", 2)
    methods = [f"m{number}" for number in range(5)]
    rig = cleared(*methods)
    rig.send(10, *methods)
    rig.answer()
    assert len(rig.aside._clear) == 2
    rig.check(5 * (CLEAR_OUTCOMES + 10))


def test_a_method_that_is_no_name_is_refused_where_names_are_read() -> None:
    rig = Rig()
    rig.send(1, ["x"], None)
    rig.answer()
    rig.check(2)


def test_what_the_way_cannot_take_or_is_taken_back_is_answered() -> None:
    rig = cleared("fetch")
    rig.link.detach(PoolUnavailable("down"), drop_waiting=True)
    rig.send(10, "fetch", "parse")
    rig.take()
    rig.check(CLEAR_OUTCOMES + 20)
    rig.link.attach(rig.wire)
    rig.link.detach(PoolUnavailable("starting"), drop_waiting=False)
    rig.send(10, "fetch", "parse")
    rig.stream.cancel()
    rig.take()
    rig.check(CLEAR_OUTCOMES + 40)
