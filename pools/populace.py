"""Making agents exist: where they go, what is kept of it, which workers are told.

Owns the sequence: nothing is told before it is kept. Which agents there are is `placement`'s knowledge; all else is
`swarm`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pools.arrivals import Arrivals
from pools.births import births
from pools.departures import Departures
from pools.errors import UnknownKind
from pools.placement import Part, Placement
from pools.pool import Pool
from pools.queuedspans import QueuedSpans
from pools.removals import Removals
from pools.repertoire import Repertoire

if TYPE_CHECKING:
    from pools.briefing import Briefing
    from pools.roster import Roster
    from pools.span import Tracer

__all__ = ["Populace"]


class Populace:
    """The part of a swarm that is about which agents there are."""

    placement: Placement
    pools: list[Pool]
    removals: Removals
    repertoire: Repertoire
    roster: Roster | None
    #: Kinds whose classes are not loaded, as their code is gone.
    without: frozenset[str]
    _briefing: Briefing
    #: Begins spans; None where nothing is traced.
    tracer: Tracer | None = None

    @cached_property
    def departures(self) -> Departures:
        """Agents that are given out to other engines."""
        return Departures(self.placement, self.pools, self.roster)

    @cached_property
    def arrivals(self) -> Arrivals:
        """Agents that come from other engines."""
        return Arrivals(self.placement, self.pools, self.removals, self.roster)

    def trace(self, tracer: Tracer) -> None:
        """Record what becomes of tasks from now on; for the time before the first worker."""
        self.tracer, self._briefing.is_traced = tracer, True

    def queued(self, *, is_first: bool = True) -> QueuedSpans | None:
        """What records how long tasks wait for their workers. is_first: whether a trace may begin with that."""
        return None if self.tracer is None else QueuedSpans(self.tracer, is_first=is_first)

    async def spawn(self, kind: str, count: int, skills: frozenset[str] = frozenset()) -> int:
        """Make `count` more numbered agents exist, with these skills; returns how many. Raises TooManyAgents before any is."""
        self.check_kind(kind)
        await self.removals.settled(kind)
        self._check_room(kind, count)
        await self._made(kind, self.placement.add_range(kind, count), {}, skills)
        return count

    async def spawn_keys(
        self, kind: str, ranges: Iterable[tuple[int, int]], names: Sequence[str], skills: frozenset[str] = frozenset()
    ) -> int:
        """Make agents with these numbers and names exist; returns how many did not. Raises TooManyAgents before any is.

        ranges: start and stop of each, without the stop.
        """
        self.check_kind(kind)
        await self.removals.settled(kind)
        spans = self.placement.absent(kind, ranges)
        fresh = [name for name in dict.fromkeys(names) if not self.placement.has(kind, name)]
        numbers = sum(span.stop - span.start for span in spans)
        self._check_room(kind, numbers + len(fresh))
        parts = self.placement.add_numbers(kind, spans) if spans else []
        await self._made(kind, parts, self.placement.add_names(kind, fresh) if fresh else {}, skills)
        return numbers + len(fresh)

    def _check_room(self, kind: str, count: int) -> None:
        """Raises TooManyAgents, PoolUnavailable where so many more have no room."""
        for number, share in enumerate(self.placement.plan(kind, count)):
            if share:
                self.pools[number].check_room()

    async def _made(self, kind: str, parts: list[Part], placed: dict[int, list[str]], skills: frozenset[str]) -> None:
        """Keep that agents exist which have a place now, and tell their workers."""
        if not parts and not placed:
            return
        if self.roster is not None:
            with self.placement.coming(kind, parts, placed):
                await self.roster.spawned(kind, parts, placed, skills)
        self.placement.talents.give(kind, skills, parts, placed)
        requests = [
            seat.request_if_up(**order)
            for number in {part.pool for part in parts} | placed.keys()
            for order in births(kind, [part for part in parts if part.pool == number], placed.get(number, []))
            for seat in self.pools[number].seats
        ]
        await asyncio.gather(*(request for request in requests if request is not None))

    async def remove(self, kind: str, ranges: Iterable[tuple[int, int]], names: Iterable[str]) -> int:
        """Remove agents; returns how many of them there were. The last one of a kind without code takes its class along.

        Raises as `Removals.remove`.
        """
        removed = await self.removals.remove(kind, ranges, names)
        await self.forget_absent(kind)
        return removed

    async def forget_absent(self, *kinds: str) -> None:
        """Load the classes of kinds without code no more, where no agent of theirs is left. Raises CheckpointError."""
        empty = [kind for kind in kinds if kind in self.without and not self.placement.count_of(kind)]
        over = [kind for kind in empty if not self.removals.is_going(kind)]
        if over and self.roster is not None:
            await self.roster.unloaded(over)

    async def warm(self, kind: str) -> int:
        """Make the objects of a kind's numbered agents now, in small batches; returns how many were made."""
        requests = []
        for pool in self.pools:
            for part in self.placement.parts_of(kind, pool.number):
                requests += pool.requests("warm", kind=kind, start=part.start, stop=part.stop)
        return sum(await asyncio.gather(*requests))

    @property
    def references(self) -> list[str]:
        """The classes that were loaded, as they were named first."""
        return self.repertoire.references

    @property
    def kinds(self) -> dict[str, dict[str, str]]:
        """What each kind can do: its methods' signatures by name."""
        return self.repertoire.methods

    def check_kind(self, kind: str) -> None:
        """Raises UnknownKind when no worker has loaded such a kind."""
        if kind not in self.kinds:
            raise UnknownKind(f"no kind {kind!r} is loaded; loaded are: {', '.join(sorted(self.kinds)) or 'none'}")
