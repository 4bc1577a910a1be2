"""The campaigns that wait for a backlog which another one works on, each in its place.

Owns who is next, that no more wait than may, and which of them stand on the disk: those that somebody was told of, who need not
stay. What a campaign's turn is, `sprinting` finds out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from sprints.campaign import Campaign
from sprints.errors import SprintError, TakenOut, TooManyQueued
from sprints.queue import Queue, Queued
from sprints.thread import in_thread

__all__ = ["QUEUED", "Run", "SprintQueue", "Waiting"]

#: Campaigns that may wait for one backlog: who queues more has a clock run wild.
QUEUED = 100


class Run(NamedTuple):
    """A campaign on its way."""

    campaign: Campaign
    task: asyncio.Task[None]


@dataclass(slots=True, eq=False)
class Waiting:
    """A campaign that waits. turn: what runs it, once that is so; TakenOut where it never comes to it."""

    campaign: Campaign
    turn: asyncio.Future[Run] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def id(self) -> str:
        """By which it is known on the disk; empty where only the one who waits knows of it."""
        return self.campaign.settings.queued


class SprintQueue:
    """Those of one engine. folder: of its sprints."""

    def __init__(self, folder: str) -> None:
        self._kept = Queue(folder)
        self._waiting: dict[str, list[Waiting]] = {}
        #: Held by the one that is being written: who was first on the disk is first here.
        self._writing = asyncio.Lock()

    def count(self, name: str) -> int:
        """How many wait for a backlog."""
        return len(self._waiting.get(name, ()))

    def find(self, queued: str) -> Waiting | None:
        """The one with this id, if it waits."""
        return next((one for waiting in self._waiting.values() for one in waiting if one.id == queued), None)

    def join(self, campaign: Campaign) -> Waiting:
        """Have it wait behind the others. Raises TooManyQueued."""
        self._check(campaign)
        waiting = Waiting(campaign)
        self._waiting.setdefault(campaign.backlog.name, []).append(waiting)
        return waiting

    async def keep(self, campaign: Campaign) -> Waiting:
        """The same, on the disk when this returns. Raises TooManyQueued, DiskFull, OSError."""
        async with self._writing:
            self._check(campaign)
            settings = campaign.settings
            queued = Queued(settings.queued, round(time.time(), 3), campaign.backlog.row(), settings.row())
            await in_thread(lambda: self._kept.add(queued))
            return self.join(campaign)

    def _check(self, campaign: Campaign) -> None:
        if self.count(campaign.backlog.name) >= QUEUED:
            raise TooManyQueued(campaign.backlog.name, QUEUED)

    def leave(self, waiting: Waiting) -> None:
        """Have it wait no more, here and on the disk. Raises OSError: then it may come to its turn at the next start."""
        name = waiting.campaign.backlog.name
        if waiting in self._waiting.get(name, ()):
            self._waiting[name].remove(waiting)
            if not self._waiting[name]:
                del self._waiting[name]
        if not waiting.turn.done():
            waiting.turn.set_exception(TakenOut(waiting.id))
            waiting.turn.exception()  # whoever waits is told; nobody need
        self.forget(waiting.id)

    def next(self, name: str) -> Waiting | None:
        """Take out the one whose turn it is; it is on the disk until it is forgotten."""
        waiting = self._waiting.pop(name, [])
        while waiting:
            first = waiting.pop(0)
            if waiting:
                self._waiting[name] = waiting
            if not first.turn.done():
                return first
        return None

    def forget(self, queued: str) -> None:
        """Have nothing of it on the disk. Raises OSError."""
        if queued:
            self._kept.remove(queued)

    def restored(self, begun: Collection[str], made: Callable[[Queued], Campaign]) -> Iterator[Campaign | Exception]:
        """Those on the disk that do not wait here, in their order; what is wrong with those that cannot.

        begun: ids of those that had their turn, which are forgotten.
        """
        for queued in self._kept.ids():
            if queued in begun:
                with suppress(OSError):
                    self.forget(queued)
            elif self.find(queued) is None:
                try:
                    yield made(self._kept.read(queued))
                except (SprintError, OSError, ValueError, TypeError, KeyError) as error:
                    yield error

    def close(self) -> None:
        """Nobody comes to a turn any more; who is on the disk does at the next start."""
        for waiting in self._waiting.values():
            for one in waiting:
                one.turn.cancel()
        self._waiting.clear()
