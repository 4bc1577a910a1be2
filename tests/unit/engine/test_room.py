"""What is open has a limit by number, by bytes and by its span, and what left makes room."""

from __future__ import annotations

import pytest

from engine import room as module
from engine.errors import IntakeFull
from engine.room import Room
from engine.task import Task
from pools.errors import BadArgument


def a_task(number: int) -> Task:
    return Task(number, None, "counter/1", "add", b"2", 1.0)


def test_what_was_refused_takes_no_room_and_what_left_makes_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_TASKS", 3)
    room, tasks = Room(), [a_task(number) for number in range(3)]
    room.enter(3, sum(task.size_bytes for task in tasks), 3, "a-1")
    full = room.held, room.held_bytes
    with pytest.raises(IntakeFull, match=r"3 tasks of .* are open, 1 more"):
        room.enter(1, 10, 4, "a-1")
    assert (room.held, room.held_bytes) == full
    room.leave(2, sum(task.size_bytes for task in tasks[:2]))
    assert (room.held, room.held_bytes) == (1, tasks[2].size_bytes)
    room.enter(2, 10, 5, "a-1")
    room.leave(1, tasks[2].size_bytes)
    assert (room.held, room.held_bytes) == (2, 10)


def test_bytes_are_limited_too_and_one_submission_may_never_be_larger_than_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_BYTES", 1_000)
    monkeypatch.setattr(module, "SUBMISSION_BYTES", 900)
    room = Room()
    with pytest.raises(BadArgument, match="901 bytes, up to 900"):
        room.enter(1, 901, 1, "a-1")
    room.enter(1, 900, 1, "a-1")
    with pytest.raises(IntakeFull):
        room.enter(1, 101, 2, "a-1")
    room.enter(1, 100, 2, "a-1")


def test_one_that_is_open_for_too_long_holds_up_all_others_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPAN_TASKS", 10)
    room = Room()
    room.enter(1, 1, 10, "a-1")
    with pytest.raises(IntakeFull, match="a-1 is open since 10 tasks"):
        room.enter(1, 1, 11, "a-1")


def test_what_an_earlier_life_left_is_held_however_much_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_TASKS", 1)
    room = Room()
    for number in range(3):
        room.take_up(a_task(number).held_bytes)
    assert room.held == 3
    with pytest.raises(IntakeFull):
        room.enter(1, 1, 1, "a-1")


def test_what_an_open_task_is_done_in_needs_no_room_and_leaves_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_BYTES", 1_000)
    monkeypatch.setattr(module, "SUBMISSION_BYTES", 900)
    room = Room()
    room.enter(1, 900, 1, "a-1")
    room.grow(800)
    assert (room.held, room.held_bytes) == (1, 1_700)
    with pytest.raises(BadArgument, match="901 bytes, up to 900"):
        room.grow(901)
    with pytest.raises(IntakeFull):
        room.enter(1, 1, 2, "a-1")
    room.leave(1, 1_700)
    assert (room.held, room.held_bytes) == (0, 0)
