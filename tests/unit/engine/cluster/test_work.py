"""An envelope at work: what has ended is recorded without what has not, and nothing is done or recorded again."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.cluster.records import Outcome, TaskEnvelope, TaskResult
from engine.cluster.work import Work

ENVELOPE = TaskEnvelope("s", "1", tuple(["counter", "get", None, None, None] for _ in range(4)))


class FakeRecording:
    """Keeps what it is given; every third row was another node's."""

    def __init__(self, known: dict[int, Outcome]) -> None:
        self.outcomes = known
        self.added: list[TaskResult] = []

    async def add(self, result: TaskResult) -> int:
        self.added.append(result)
        return sum(row == 3 for row in result.places)


def work(known: dict[int, Outcome] | None = None) -> tuple[Work, FakeRecording, list[None]]:
    recording: Any = FakeRecording(known or {})
    ends: list[None] = []
    return Work(ENVELOPE, recording, "n1", "x", lambda: ends.append(None)), recording, ends


async def test_what_has_ended_is_recorded_without_what_has_not() -> None:
    made, recording, ends = work()
    doing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    made.end(1, Outcome("b"))
    made.end(0, Outcome("a"))
    await made.some(doing, 60)
    await made.record()
    await made.record()
    assert [(part.places, part.outcomes) for part in recording.added] == [(range(2), (Outcome("a"), Outcome("b")))]
    assert (made.ended, made.open, len(ends), made.superseded) == (2, 2, 2, 0)
    made.end(3, Outcome("d"))
    await made.record()
    assert recording.added[1].rows == (3,)
    assert made.superseded == 1


async def test_what_was_recorded_before_it_came_is_known() -> None:
    made, recording, _ = work({0: Outcome("a"), 2: Outcome("c")})
    assert made.known == {0: Outcome("a"), 2: Outcome("c")}
    assert (made.ended, made.open) == (2, 2)
    made.end(1, Outcome("b"))
    made.end(3, Outcome("d"))
    await made.record()
    assert [part.rows for part in recording.added] == [(1, 3)]


async def test_nothing_is_waited_for_longer_than_was_said() -> None:
    made, recording, _ = work()
    doing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await made.some(doing, 0.0)
    await made.record()
    assert recording.added == []
