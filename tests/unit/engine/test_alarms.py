"""Things come when they are due, in the order of their times, and what nobody waits for takes no memory."""

from __future__ import annotations

import pytest

from engine import alarms as module
from engine.alarms import Alarms
from tests.support.clocks import Clock


class Timer(Clock):
    """A clock with the names of a loop."""

    time = Clock.s
    call_later = Clock.later


class Rig:
    """Alarms, what was due, and what is wanted no more."""

    def __init__(self) -> None:
        self.timer = Timer()
        self.due: list[list[int]] = []
        self.unwanted: set[int] = set()
        self.alarms: Alarms[int] = Alarms(self.timer, self.due.append, lambda thing: thing not in self.unwanted)


def test_things_are_due_in_the_order_of_their_times_and_together_where_one_look_finds_them() -> None:
    rig = Rig()
    for after_s, thing in ((3.0, 3), (1.0, 1), (2.0, 2), (1.0, 10)):
        rig.alarms.put(after_s, thing)
    rig.timer.pass_s(0.9)
    assert rig.due == []
    rig.timer.pass_s(0.2)
    assert rig.due == [[1, 10]]
    rig.timer.pass_s(5.0)
    assert rig.due == [[1, 10], [2, 3]]


def test_one_that_is_due_before_all_others_has_a_look_of_its_own() -> None:
    rig = Rig()
    rig.alarms.put(10.0, 1)
    rig.timer.pass_s(1.0)
    rig.alarms.put(2.0, 2)
    rig.timer.pass_s(2.5)
    assert rig.due == [[2]]
    rig.timer.pass_s(10.0)
    assert rig.due == [[2], [1]]


def test_what_nobody_wants_is_not_told_and_a_stop_ends_all() -> None:
    rig = Rig()
    rig.alarms.put(1.0, 1)
    rig.alarms.put(1.0, 2)
    rig.unwanted.add(1)
    rig.timer.pass_s(2.0)
    assert rig.due == [[2]]
    rig.alarms.put(1.0, 3)
    rig.alarms.stop()
    rig.timer.pass_s(2.0)
    assert rig.due == [[2]]


def test_what_nobody_wants_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALE", 10)
    rig = Rig()
    rig.alarms._bound = 10
    for thing in range(1_000):
        rig.alarms.put(1_000.0, thing)
        rig.unwanted.add(thing)
    assert len(rig.alarms._heap) < 50
