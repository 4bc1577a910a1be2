"""Agents that are given out to another engine: from the word until they are removed, or stay after all.

Owns the order. An agent that has nothing to do takes no tasks from one moment on; then the roster says so, so that no later
process lets it; then its state is told, which is the last one that it has here. One that has something to do is left alone and
named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from pools.address import Key, address_of
from pools.addressees import addressees
from pools.errors import PoolError
from pools.moving import lot_of
from pools.orders import seen
from pools.placement import Placement
from pools.pool import Pool

if TYPE_CHECKING:
    from pools.roster import Roster

__all__ = ["Departures", "Given"]

#: Tasks of a worker that are looked at for those of agents that are to leave.
MOST = 1_000_000


class Given(NamedTuple):
    """Agents that were given out. rows: key, state, skills and timers of each.

    busy: those that have something to do, or whose worker was away; they may be asked for again.  missing: those that there are
    not.  unreadable: why some cannot be given out, by address; they are as before.
    """

    rows: list[list[Any]]
    busy: list[Key]
    missing: list[Key]
    unreadable: dict[str, str]


class Departures:
    """What leaves one engine. roster: where it is written down; None where nothing is kept."""

    def __init__(self, placement: Placement, pools: Sequence[Pool], roster: Roster | None) -> None:
        self._placement = placement
        self._pools = pools
        self._roster = roster

    async def give_out(self, kind: str, keys: Sequence[Key], is_asked: Callable[[], set[Key]]) -> Given:
        """Give out agents that have nothing to do; those that were before are told again, as they are.

        is_asked: the agents of the kind that have accepted tasks.  Raises CheckpointError, and then they stay.
        """
        moving = self._placement.moving
        wanted = {key: self._placement.pool_of(kind, key) for key in keys if self._placement.has(kind, key)}
        fresh = {key: pool for key, pool in wanted.items() if key not in moving.of(kind)}
        moving.add(kind, fresh)  # no task for the kind is dealt to them from now on
        left: set[Key] = set()
        try:
            asked = is_asked() | self._on_their_way(kind)
            left = await self._left(kind, [key for key in fresh if key not in asked])
            if self._roster is not None and left:
                await self._roster.leaving(kind, *lot_of({key: fresh[key] for key in left}))
            moving.confirm(kind, left)
        except BaseException:
            self._stay(kind, fresh)
            raise
        moving.drop(kind, fresh.keys() - left)
        return await self._told(kind, list(wanted), [key for key in keys if key not in wanted])

    async def retain(self, kind: str, keys: Iterable[Key]) -> list[Key]:
        """Have agents that were given out be as the others again; returns those."""
        moving = self._placement.moving.of(kind)
        meant = {key: moving[key] for key in keys if key in moving}
        if meant and self._roster is not None:
            await self._roster.staying(kind, *lot_of(meant))
        self._stay(kind, meant)
        return list(meant)

    def _on_their_way(self, kind: str) -> set[Key]:
        """The agents of a kind with tasks that were sent to a worker, or wait before it."""
        links = [link for pool in self._pools for seat in pool.seats for link in (seat.link, seat.inner)]
        found = [addressees(link.flights.values(), link.lanes, MOST).get(kind, set()) for link in links]
        return set().union(*found)

    async def _left(self, kind: str, keys: Sequence[Key]) -> set[Key]:
        """Those of some agents that take no tasks from now on."""
        said = await asyncio.gather(*self._asked("leave", kind, keys), return_exceptions=True)
        for failed in (one for one in said if isinstance(one, BaseException) and not isinstance(one, PoolError)):
            raise failed
        return {key for one in said if isinstance(one, list) for key in one}

    def _asked(self, verb: str, kind: str, keys: Iterable[Key]) -> list[asyncio.Future[Any]]:
        """What their workers say to an order about agents; those without a process say nothing."""
        places = sorted((self._placement.worker_of(kind, key), str(key), key) for key in keys)
        asked = []
        for (pool, worker), some in groupby(places, key=lambda place: place[0]):
            answer = self._pools[pool].seats[worker].request_if_up(verb, kind=kind, keys=[key for _, _, key in some])
            if answer is not None:
                asked.append(answer)
        return asked

    def _stay(self, kind: str, keys: Iterable[Key]) -> None:
        """Have agents be as the others again."""
        keys = list(keys)
        self._placement.moving.drop(kind, keys)
        for answer in self._asked("stay", kind, [key for key in keys if self._placement.has(kind, key)]):
            answer.add_done_callback(seen)

    async def _told(self, kind: str, keys: Sequence[Key], missing: list[Key]) -> Given:
        """What there is to tell of agents that were given out.

        One whose process does not know that it was may have run tasks since: it stays, to be asked for again.
        """
        sure = self._placement.moving.sure(kind)
        said = await asyncio.gather(*self._asked("export", kind, [key for key in keys if key in sure]), return_exceptions=True)
        rows: list[list[Any]] = []
        unreadable: dict[str, str] = {}
        unaware: list[Key] = []
        for one in (one for one in said if isinstance(one, dict)):
            unreadable |= one["unreadable"]
            unaware += one["unaware"]
            for key, state, timers in one["rows"]:
                rows.append([key, state, sorted(self._placement.talents.of(kind, key)), timers])
        told = {row[0] for row in rows}
        busy = [key for key in keys if key not in told and address_of(kind, key) not in unreadable]
        await self.retain(kind, [*unaware, *(key for key in keys if address_of(kind, key) in unreadable)])
        return Given(rows, busy, missing, unreadable)
