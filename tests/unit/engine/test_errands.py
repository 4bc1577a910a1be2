"""What a client asks of accepted tasks: again where an engine was lost, in parts where a frame is too small, in time."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errands import Errands
from engine.errors import IntakeFull, SubmitStopped, TaskEnded
from pools.errors import BadArgument, FrameTooLarge, LinkClosed, TaskFailed


class Scripted(Errands):
    """A connection whose answers were written before; an error among them is raised."""

    def __init__(self, *answers: Any, patience_s: float = 0.0) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._patience_s = patience_s

    async def request(self, /, verb: str, **facts: Any) -> Any:
        self.asked.append((verb, facts))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def is_closed(self) -> bool:
        return False


TASKS = [("counter/1", "add", at) for at in range(4)]


async def test_who_waits_for_room_is_asked_again_and_who_does_not_is_told() -> None:
    full = IntakeFull("full")
    full.retry_after_s = 0.001
    assert await Scripted(full, full, ["a-1"]).submit(TASKS[:1], wait_s=5) == ["a-1"]
    with pytest.raises(IntakeFull):
        await Scripted(full).submit(TASKS[:1])


async def test_what_one_frame_does_not_hold_goes_in_parts_and_each_part_waits_too() -> None:
    full = IntakeFull("full")
    full.retry_after_s = 0.001
    client = Scripted(FrameTooLarge("large"), ["a-1", "a-2"], full, ["a-3", "a-4"])
    assert await client.submit(TASKS, wait_s=5) == ["a-1", "a-2", "a-3", "a-4"]
    assert [len(facts["tasks"]) for _, facts in client.asked] == [4, 2, 2, 2]
    with pytest.raises(FrameTooLarge):
        await Scripted(FrameTooLarge("large")).submit(TASKS[:1])
    with pytest.raises(SubmitStopped) as stopped:
        await Scripted(FrameTooLarge("large"), ["a-1", "a-2"], full).submit(TASKS)
    assert stopped.value.ids == ["a-1", "a-2"]


async def test_a_lost_engine_is_asked_again_under_the_same_key_while_patience_lasts() -> None:
    client = Scripted(LinkClosed("gone"), ["a-1"], patience_s=5)
    assert await client.submit(TASKS[:1]) == ["a-1"]
    (_, first), (_, second) = client.asked
    assert first == second
    with pytest.raises(LinkClosed):
        await Scripted(LinkClosed("gone")).submit(TASKS[:1])
    again = Scripted(LinkClosed("gone"), {"state": "done", "value": 5}, patience_s=5)
    assert await again.result("a-1") == 5


async def test_what_a_task_came_to_is_raised_as_it_was() -> None:
    with pytest.raises(TaskFailed, match="ValueError: no"):
        await Scripted({"state": "failed", "error": ["ValueError", "no", None]}).result("a-1")
    with pytest.raises(TaskEnded):
        await Scripted(TaskEnded("task a-1 is done")).cancel("a-1")


async def test_who_waits_without_end_is_not_told_at_once_and_no_time_is_none() -> None:
    client = Scripted({"state": "done", "value": 5})
    assert await client.result("a-1", float("inf")) == 5
    assert client.asked[0][1]["wait_s"] > 86_400
    for call in (client.result("a-1", -1), client.submit(TASKS, wait_s=float("nan"))):
        with pytest.raises(BadArgument, match="wait_s is"):
            await call
    assert len(client.asked) == 1
