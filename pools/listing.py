"""A page of agents, with what they do now.

Owns the question to their workers: those of the page are asked about alone, unless it is chosen or sorted by what only workers
know; then each of them names its first ones, and these are put together. Which agents there are is the placement's knowledge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Any, NamedTuple

from pools.address import Key
from pools.candidates import BY_DOING, Search, order_of, search_of
from pools.census import Census, Meant
from pools.errors import BadArgument, PoolError
from pools.placement import Placement
from pools.pool import Pool
from pools.seat import Seat

__all__ = ["ASK_S", "Listing", "Page"]

#: Seconds that a worker may take to say what its agents do: one that hangs is not waited for.
ASK_S = 1.0
#: Agents that may be passed over where each worker has to name its first ones: what they say then is read in some milliseconds.
DEEP = 5_000
#: Agents that are put together without a pause.
MERGED = 1_000

#: What an agent does, of which nothing is known.
UNKNOWN = ("unknown", 0, 0)


class Page(NamedTuple):
    """Some agents of a list. matched: how many are meant in all.  silent: workers that did not say what theirs do."""

    matched: int
    agents: list[dict[str, Any]]
    silent: list[str]


class Listing:
    """The lists of one engine's agents."""

    def __init__(self, placement: Placement, pools: Sequence[Pool]) -> None:
        self._placement = placement
        self._pools = pools
        self.census = Census(placement, lambda pool: [seat.name for seat in pools[pool].seats])

    async def page(self, meant: Meant, statuses: Sequence[str], skip: int, limit: int) -> Page:
        """Agents that are meant, in their order: address, pool, worker, status, mailbox, restarts.

        statuses: which of them; none for all.  Raises BadArgument.
        """
        most = skip + limit
        search = search_of(meant.kind, meant.filter, statuses, meant.sort, most, is_descending=meant.is_descending)
        if statuses or meant.sort in BY_DOING:
            if skip > DEEP:
                raise BadArgument(
                    f"agents chosen or sorted by what they do are told of up to the {DEEP:,}th, not from the {skip:,}th; "
                    "turn the order round, or narrow them with a filter, a kind or a worker"
                )
            return await self._by_doing(search, meant, skip, limit)
        chosen = await self.census.choose(meant)
        agents, silent = await self._rows(chosen.page(skip, limit))
        return Page(chosen.count, agents, silent)

    # -- by place ------------------------------------------------------------------------------------------------------

    async def _rows(self, agents: Sequence[tuple[str, Key]]) -> tuple[list[dict[str, Any]], list[str]]:
        """What some agents do; those that were removed meanwhile are left out."""
        asked: dict[tuple[int, int, str], list[Key]] = {}
        for kind, key in agents:
            place = self._placement.worker_if_any(kind, key)
            if place is not None:
                asked.setdefault((*place, kind), []).append(key)
        told = await asyncio.gather(
            *(_told(self._pools[pool].seats[worker], kind, keys) for (pool, worker, kind), keys in asked.items())
        )
        known: dict[tuple[str, Key], dict[str, Any]] = {}
        silent: dict[str, None] = {}
        for ((pool, worker, kind), keys), doing in zip(asked.items(), told, strict=True):
            name = self._pools[pool].seats[worker].name
            if doing is None:
                silent[name] = None
            for key, facts in zip(keys, doing or [list(UNKNOWN)] * len(keys), strict=True):
                known[kind, key] = _row(kind, key, self._pools[pool].name, name, facts)
        return [known[agent] for agent in agents if agent in known], list(silent)

    # -- by what they do -----------------------------------------------------------------------------------------------

    async def _by_doing(self, search: Search, meant: Meant, skip: int, limit: int) -> Page:
        places = [(self._pools[pool], at) for pool, at in self.census.places(meant.pool, meant.worker)]
        facts = search._asdict() | {"filter": search.filter.text, "statuses": sorted(search.statuses)}
        found = await asyncio.gather(*(_asked(pool.seats[at], "candidates", **facts) for pool, at in places))
        ranks = [_ranked(search, *place, one["rows"]) for place, one in zip(places, found, strict=True) if one is not None]
        agents: list[dict[str, Any]] = []
        for at, (_, pool, worker, row) in enumerate(merge(*ranks, key=lambda ranked: ranked[0])):
            if at >= skip + limit:
                break
            if at >= skip:
                agents.append(_row(row[1], row[2], pool.name, pool.seats[worker].name, row[3:]))
            if at % MERGED == MERGED - 1:
                await asyncio.sleep(0)
        silent = [pool.seats[at].name for (pool, at), one in zip(places, found, strict=True) if one is None]
        return Page(sum(one["count"] for one in found if one is not None), agents, silent)


def _ranked(search: Search, pool: Pool, at: int, rows: Sequence[Any]) -> Iterator[tuple[Any, Pool, int, Sequence[Any]]]:
    """The agents of a worker with their places among those of all, their worker, and what they do."""
    is_turned = search.is_descending
    place = (pool.name, at) if search.sort == "worker" else (pool.name,)
    for row in rows:
        address = order_of(row[1], row[2])
        if search.sort in BY_DOING:
            yield (-row[0] if is_turned else row[0], address), pool, at, row
        elif search.sort in ("pool", "worker"):
            yield (_Turned(place) if is_turned else place, address), pool, at, row
        else:
            yield (_Turned(address) if is_turned else address), pool, at, row


class _Turned:
    """What comes first where the other would come last."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __lt__(self, other: _Turned) -> bool:
        return bool(other.thing < self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Turned) and bool(other.thing == self.thing)

    __hash__ = None  # type: ignore[assignment]


def _row(kind: str, key: Key, pool: str, worker: str, facts: Sequence[Any]) -> dict[str, Any]:
    status, mailbox, restarts = facts
    said = {"agent": f"{kind}/{key}", "pool": pool, "worker": worker}
    return {**said, "status": status, "mailbox": mailbox, "restarts": restarts}


async def _told(seat: Seat, kind: str, keys: list[Key]) -> list[list[Any]] | None:
    """What agents do; None while their worker is away."""
    told: list[list[Any]] | None = await _asked(seat, "agents", kind=kind, keys=keys)
    return told


async def _asked(seat: Seat, verb: str, **facts: Any) -> Any:
    """What a worker says; None where it does not."""
    try:
        async with asyncio.timeout(ASK_S):
            return await seat.request(verb, **facts)
    except (PoolError, TimeoutError):
        return None
