"""Agents that come from another engine: from the word to the workers that have them.

Owns the order. The roster says first that they come; then their workers record the states, and then the roster says in one
record that they exist and by which name they came. Whatever dies in between, they either are all there or none of them is: what
was half done is removed as agents are, before any agent of that kind is spawned again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from checkpoints.shards import shard_of
from pools.address import Key, address_of
from pools.births import births
from pools.errors import Failure, raised
from pools.moving import lot_of
from pools.placement import Placement, owner_of
from pools.pool import Pool
from pools.removals import AGAIN_S, AWAY, Removals
from pools.seat import Seat

if TYPE_CHECKING:
    from pools.roster import Roster

__all__ = ["Arrivals", "Arriving"]


class Arriving(NamedTuple):
    """An agent that comes. state: its fields, None for those of a new one.  timers: method, argument, due, after."""

    key: Key
    state: dict[str, Any] | None
    skills: frozenset[str]
    timers: list[list[Any]]


class Arrivals:
    """What comes to one engine. roster: where it is written down; None where nothing is kept."""

    def __init__(self, placement: Placement, pools: Sequence[Pool], removals: Removals, roster: Roster | None) -> None:
        self._placement = placement
        self._pools = pools
        self._removals = removals
        self._roster = roster

    async def take_in(self, kind: str, agents: Sequence[Arriving], name: str) -> int | None:
        """Have agents exist with their states, in the place of nobody; returns how many were not there, None for a known name.

        Raises TooManyAgents, StateUnreadable, PoolUnavailable, StoreFull, CheckpointError: then none of them is there.
        """
        await self._removals.settled(kind)
        if self._roster is not None and self._roster.was_taken(name):
            return None
        fresh = {agent.key: agent for agent in agents if not self._placement.has(kind, agent.key)}
        where = self._places(kind, list(fresh))
        await self._removals.arrive(kind, self._arrive(kind, fresh, where, name))
        return len(fresh)

    def _places(self, kind: str, keys: Sequence[Key]) -> dict[Key, int]:
        """The pools of agents that come. Raises TooManyAgents, PoolUnavailable."""
        planned = self._placement.plan(kind, len(keys))
        for number, share in enumerate(planned):
            if share:
                self._pools[number].check_room()
        pools = [number for number, share in enumerate(planned) for _ in range(share)]
        return dict(zip(keys, pools, strict=True))

    async def _arrive(self, kind: str, agents: dict[Key, Arriving], where: dict[Key, int], name: str) -> None:
        roster = self._roster
        parts, names = lot_of(where)
        number = None if roster is None else await roster.coming(kind, parts, names)
        by_skills: dict[frozenset[str], dict[Key, int]] = {}
        for key, agent in agents.items():
            by_skills.setdefault(agent.skills, {})[key] = where[key]
        lots = [(*lot_of(some), skills) for skills, some in by_skills.items()]
        try:
            rows: dict[tuple[int, int], list[Any]] = {}
            for key, agent in agents.items():
                rows.setdefault(self._worker_of(kind, key, where[key]), []).append([key, agent.state, agent.timers])
            await asyncio.gather(*(self._give(self._pools[pool].seats[at], kind, some) for (pool, at), some in rows.items()))
            if roster is not None and number is not None:
                await roster.arrived(kind, number, lots, name)
        except BaseException:
            if number is not None:
                self._removals.undo(kind, parts, names, number)
            raise
        self._placement.restore(kind, parts, list(names.items()))
        for ranges, named, skills in lots:
            self._placement.talents.give(kind, skills, ranges, named)
        await self._tell(kind, parts, names)

    def _worker_of(self, kind: str, key: Key, pool: int) -> tuple[int, int]:
        spec = self._placement.pools[pool]
        return pool, owner_of(shard_of(address_of(kind, key).encode(), spec.shards), spec.workers)

    async def _give(self, seat: Seat, kind: str, rows: list[Any]) -> None:
        """Have a worker record states, whichever process that takes: what it has of them is the same each time."""
        while True:
            try:
                said = await seat.request("import", kind=kind, rows=rows)
            except AWAY:
                if self._roster is None or seat.state in ("down", "stopped"):
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                if said["error"] is not None:
                    raise raised(Failure(*said["error"]))
                return

    async def _tell(self, kind: str, parts: Sequence[Any], names: dict[int, list[str]]) -> None:
        requests = [
            seat.request_if_up(**order)
            for number in {part.pool for part in parts} | names.keys()
            for order in births(kind, [part for part in parts if part.pool == number], names.get(number, []))
            for seat in self._pools[number].seats
        ]
        await asyncio.gather(*(request for request in requests if request is not None))
