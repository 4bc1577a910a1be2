"""The removal of agents, from the word to the last worker that has heard of it.

Owns the order: what there is is taken out of the placement, then it is written down in the roster, then every worker that had
some of it forgets it and records that, and then the roster says that this is done. Whatever dies in between, the removal is
carried on with the next process; until it is done, no agent of that kind is spawned, so that a new agent never meets the state
of an old one. What a worker does is `upkeep`'s business.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Task
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pools.address import Key
from pools.births import lots
from pools.errors import LinkClosed, PoolUnavailable, WorkerDied
from pools.events import Event
from pools.placement import Part, Placement
from pools.pool import Pool
from pools.seat import Seat

if TYPE_CHECKING:
    from pools.roster import Roster

__all__ = ["AGAIN_S", "AWAY", "Removals"]

#: Seconds after which a worker that was away is told again.
AGAIN_S = 0.05
#: Errors of a worker that is away: its next process is told.
AWAY = (LinkClosed, PoolUnavailable, WorkerDied)


class _Going(NamedTuple):
    """A removal that not every worker has heard of yet. number: in the roster; None where nothing is kept."""

    kind: str
    parts: list[Part]
    names: dict[int, list[str]]
    number: int | None

    @property
    def agents(self) -> int:
        """How many it takes away."""
        return sum(part.stop - part.start for part in self.parts) + sum(map(len, self.names.values()))

    @property
    def pools(self) -> list[int]:
        """The pools that had some of it."""
        return sorted({part.pool for part in self.parts} | self.names.keys())


class Removals:
    """The removals of an engine.

    roster: where they are written down; None where state is kept in memory only.  forget: told of each removal, with what says
    whether there is an agent.
    """

    def __init__(
        self,
        placement: Placement,
        pools: Sequence[Pool],
        roster: Roster | None,
        forget: Callable[[Callable[[str, Key], bool]], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self._forget = forget
        self._placement = placement
        self._pools = pools
        self._roster = roster
        self._on_event = on_event
        self._tasks: dict[str, set[Task[None]]] = {}
        #: Those that are written down and not done, and that nobody is at: of a process before, or with a worker that is down.
        self._left = [] if roster is None else [_Going(*one) for one in roster.going()]

    async def remove(self, kind: str, ranges: Iterable[tuple[int, int]], names: Iterable[str]) -> int:
        """Remove agents; returns how many of them there were. It is on the disk then, where state is kept.

        ranges: start and stop of each, without the stop.  Raises CheckpointError, and PoolUnavailable where a worker is down:
        then nothing was removed, or where it went down meanwhile, what it has is removed when it is back.
        """
        parts, named = self._placement.take(kind, ranges, names)
        going = _Going(kind, parts, named, None)
        if going.agents:
            await asyncio.shield(self._start(kind, self._begin(going)))
            self._forget(self._placement.has)
            self._on_event(Event("agents.removed", f"{going.agents:,} agents of kind {kind} were removed", time.time()))
        return going.agents

    async def settled(self, kind: str) -> None:
        """Wait until no agent of a kind is being removed. Raises PoolUnavailable where a worker that has some is down."""
        self.resume()
        while tasks := self._tasks.get(kind):
            await asyncio.shield(next(iter(tasks)))

    def resume(self) -> None:
        """Carry on what was left; for an engine that has its workers."""
        left, self._left = self._left, []
        for going in left:
            self._start(going.kind, self._finish(going))

    async def arrive(self, kind: str, work: Coroutine[Any, Any, None]) -> None:
        """Have agents of a kind come from elsewhere; as with a removal, none of that kind is spawned meanwhile."""
        await asyncio.shield(self._start(kind, work))

    def undo(self, kind: str, parts: list[Part], names: dict[int, list[str]], number: int) -> None:
        """Have agents that did not arrive be removed where they are already, with the next spawn of that kind or start."""
        self._left.append(_Going(kind, parts, names, number))

    def is_going(self, kind: str) -> bool:
        """Whether agents of a kind are being removed."""
        return bool(self._tasks.get(kind)) or any(going.kind == kind for going in self._left)

    def _start(self, kind: str, work: Coroutine[Any, Any, None]) -> Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        tasks = self._tasks.setdefault(kind, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # who waits for it is told
        return task

    async def _begin(self, going: _Going) -> None:
        """Write a removal down, then carry it out; where that cannot be, it is as if nobody had asked."""
        try:
            self._check_up(going)
            if self._roster is not None:
                going = going._replace(number=await self._roster.removed(going.kind, going.parts, going.names))
        except BaseException:
            names = list(going.names.items())
            self._placement.restore(going.kind, going.parts, names)
            raise
        await self._finish(going)

    async def _finish(self, going: _Going) -> None:
        try:
            await asyncio.gather(*(self._tell(pool, seat, going) for pool in going.pools for seat in self._pools[pool].seats))
            if self._roster is not None and going.number is not None:
                await self._roster.settled(going.kind, going.number)
        except BaseException:
            self._left.append(going)
            raise

    async def _tell(self, pool: int, seat: Seat, going: _Going) -> None:
        """Have one worker forget what it has of a removal, whichever process that takes."""
        names = going.names.get(pool, [])
        pieces = lots(names) or [[]]
        ranges = [[part.start, part.stop] for part in going.parts if part.pool == pool]
        while pieces:
            try:
                await seat.request("remove", kind=going.kind, ranges=ranges, names=pieces[-1])
            except AWAY:
                if self._roster is None:
                    return  # its next process is told of those that there are
                self._check_up(going)
                await asyncio.sleep(AGAIN_S)
            else:
                pieces.pop()

    def _check_up(self, going: _Going) -> None:
        """Raises PoolUnavailable where a worker will not come back by itself that may have kept something."""
        for seat in (seat for pool in going.pools for seat in self._pools[pool].seats):
            if self._roster is not None and seat.state in ("down", "stopped"):
                raise PoolUnavailable(f"worker {seat.name} is {seat.state}: its {going.kind} agents cannot be removed")
