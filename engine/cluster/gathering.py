"""Tasks of several calls that go to the same place, gathered into one envelope.

Owns what waits while an envelope to its place is on its way: all of it leaves together, so that a sync of the servers is shared
by those who send at the same time, and nobody waits for who does not. A call's tasks stay together and in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.cluster.records import BadRecord, Outcome
from pools.errors import BadArgument, failure_of

__all__ = ["Gathering", "Parcel", "packed", "portion"]

#: Envelopes for each node in which many tasks for a kind are dealt at least, and tasks of one of these.
PORTIONS, PORTION_TASKS = 4, 10


@dataclass(slots=True)
class Parcel:
    """Tasks of one call.  rows: as they travel.  answers: the outcome of each.  kept: done once they are kept, or are not."""

    rows: list[list[Any]]
    answers: list[asyncio.Future[Outcome]]
    kept: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, error: Exception) -> None:
        """Have all tasks fail: they are not sent."""
        for answer in self.answers:
            answer.set_result(Outcome(None, failure_of(error)))
        self.kept.set_result(None)

    def give_up(self, error: BadRecord) -> None:
        """Have the only task fail: it is too much for an envelope of its own. No other one of its call is held up by it."""
        self.fail(BadArgument(f"the task cannot travel: {error}"))

    def halves(self) -> tuple[Parcel, Parcel]:
        """The same tasks in two."""
        half = len(self.rows) // 2
        return Parcel(self.rows[:half], self.answers[:half]), Parcel(self.rows[half:], self.answers[half:])

    def refuse(self, error: Exception) -> None:
        """Say that they are not kept, where nothing was said yet."""
        if not self.kept.done():
            self.kept.set_exception(error)
            self.kept.exception()  # it is told to who waits for it; who was cancelled meanwhile does not


class Gathering:
    """What waits to be sent. post: sends parcels in one envelope, and says of each what became of it; it raises nothing.

    begin: runs something beside its caller.  spread: among how many nodes the tasks of a subject can be dealt.
    """

    def __init__(
        self,
        post: Callable[[str, Sequence[Parcel]], Awaitable[None]],
        begin: Callable[[Coroutine[Any, Any, None]], None],
        spread: Callable[[str], int],
    ) -> None:
        self._post = post
        self._begin = begin
        self._spread = spread
        self._waiting: dict[tuple[str, int], list[Parcel]] = {}
        self._carried: set[tuple[str, int]] = set()

    async def send(self, subject: str, parcel: Parcel, most: int) -> None:
        """Send a parcel with others. most: tasks of one envelope. Raises what `post` says of it."""
        key = subject, most
        self._waiting.setdefault(key, []).append(parcel)
        if key not in self._carried:
            self._carried.add(key)
            self._begin(self._carry(key))
        await parcel.kept

    async def _carry(self, key: tuple[str, int]) -> None:
        """Send what waits for a subject, and what comes meanwhile, until nothing does."""
        subject, most = key
        try:
            while waiting := [parcel for parcel in self._waiting.pop(key, ()) if not parcel.kept.cancelled()]:
                await asyncio.gather(*(self._post(subject, each) for each in packed(waiting, most, self._spread(subject))))
        finally:
            self._carried.discard(key)

    def close(self, error: Exception) -> None:
        """Refuse what waits."""
        for waiting in self._waiting.values():
            for parcel in waiting:
                parcel.refuse(error)
        self._waiting.clear()


def portion(tasks: int, most: int, nodes: int) -> int:
    """Tasks of one envelope where a call has so many: what would fill it is dealt, several to each node."""
    if tasks < most or nodes == 1:
        return most
    return min(most, max(-(-tasks // (nodes * PORTIONS)), PORTION_TASKS))


def packed(parcels: Sequence[Parcel], most: int, spread: int) -> list[list[Parcel]]:
    """The parcels by envelope, in their order: of at most so many tasks, and at least one for each of `spread` nodes."""
    share = min(most, -(-sum(len(parcel.rows) for parcel in parcels) // spread))
    envelopes: list[list[Parcel]] = []
    tasks = share
    for parcel in parcels:
        if tasks + len(parcel.rows) > share:
            envelopes.append([])
            tasks = 0
        envelopes[-1].append(parcel)
        tasks += len(parcel.rows)
    return envelopes
