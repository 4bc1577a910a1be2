"""Which agents a person means, and in which order, as far as the engine knows it without asking anybody.

Owns the choice and its order; what agents do, their workers know. A spawned range stays a range for as long as nothing has to
be looked at but its ends. Where each agent must be looked at (a filter, the worker of an agent), that is done a few at a time,
and what came of it is kept until agents come or go: the pages of a list are many questions after the same agents.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

from pools.address import Key
from pools.errors import BadArgument
from pools.filter import Filter
from pools.placement import Placement, owner_of

__all__ = ["BY_PLACE", "Census", "Chosen", "Meant", "Run", "slices"]

#: What the engine itself can sort by.
BY_PLACE = ("address", "pool", "worker")
#: Seconds for which agents are looked at without a pause: others have their turn then.
PAUSE_S = 0.0015
#: Agents of the first slice, and of the largest.
FIRST, MOST = 64, 8_192
#: Agents of a choice that is kept for the next page: about 8 MB at the most.
KEPT = 200_000

#: Agents of one kind: its name, and their keys.
Run = tuple[str, Sequence[Key]]


class Meant(NamedTuple):
    """Which agents are meant. pool, worker: by name; None is any.  sort: one of BY_PLACE; None is as they were spawned.

    is_descending: turns the order round; of those that are in one place, the address still counts upwards.
    """

    kind: str | None = None
    filter: str = ""
    pool: str | None = None
    worker: str | None = None
    sort: str | None = None
    is_descending: bool = False


class Chosen:
    """Agents that are meant, in their order."""

    def __init__(self, runs: Sequence[Run], *, is_reversed: bool) -> None:
        self._runs = runs
        self._is_reversed = is_reversed
        self.count = sum(len(keys) for _, keys in runs)

    def page(self, skip: int, limit: int) -> list[tuple[str, Key]]:
        """Kind and key of some of them."""
        stop = min(skip + limit, self.count)
        if skip >= stop:
            return []
        if not self._is_reversed:
            return list(self._between(skip, stop))
        return list(self._between(self.count - stop, self.count - skip))[::-1]

    def _between(self, start: int, stop: int) -> Iterator[tuple[str, Key]]:
        before = 0
        for kind, keys in self._runs:
            first, last = max(start - before, 0), min(stop - before, len(keys))
            if first < last:
                yield from ((kind, key) for key in keys[first:last])
            before += len(keys)


class Census:
    """The agents of one engine. names: of the workers of each pool, by number."""

    def __init__(self, placement: Placement, names: Callable[[int], Sequence[str]]) -> None:
        self._placement = placement
        self._names = names
        self._last: tuple[object, Chosen] | None = None
        #: Names in the order of the alphabet, by kind: with how many there were, and how often some were taken out.
        self._sorted: dict[str, tuple[int, int, list[str]]] = {}

    async def choose(self, meant: Meant) -> Chosen:
        """Those that are meant. Raises BadArgument for a pool, a worker, an order or a filter that there is not."""
        where = self.places(meant.pool, meant.worker)
        if meant.sort is not None and meant.sort not in BY_PLACE:
            raise BadArgument(f"agents are sorted by {', '.join(BY_PLACE)}, not by {meant.sort!r:.40}")
        about = (meant, self._stamp())
        if self._last is not None and self._last[0] == about:
            return self._last[1]
        runs = await self._filtered(await self._runs(meant, where), Filter(meant.filter))
        chosen = Chosen(runs, is_reversed=meant.is_descending and meant.sort in (None, "address"))
        if chosen.count <= KEPT:
            self._last = about, chosen
        return chosen

    def places(self, pool: str | None, worker: str | None) -> list[tuple[int, int]]:
        """The workers that are meant: the numbers of pool and worker of each. Raises BadArgument where there is none such."""
        pools = self._placement.pools
        every = [(number, at) for number in range(len(pools)) for at in range(len(self._names(number)))]
        if pool is not None:
            every = [place for place in every if pools[place[0]].name == pool]
            if not every:
                raise BadArgument(f"no pool {pool!r:.80}; there are {', '.join(one.name for one in pools)}")
        if worker is not None:
            every = [place for place in every if self._names(place[0])[place[1]] == worker]
            if not every:
                raise BadArgument(f"no worker {worker!r:.80}{'' if pool is None else f' in pool {pool}'}; see: engine ps")
        return every

    def _stamp(self) -> object:
        placement = self._placement
        return [(kind, placement.count_of(kind), placement.stamp(kind)) for kind in placement.kinds()]

    # -- in their order ------------------------------------------------------------------------------------------------

    async def _runs(self, meant: Meant, where: Sequence[tuple[int, int]]) -> list[Run]:
        placement = self._placement
        known = placement.kinds() if meant.sort is None else sorted(placement.kinds())
        kinds = [kind for kind in known if meant.kind in (None, kind)]
        by_place = meant.sort in ("pool", "worker")
        if not by_place and meant.pool is None and meant.worker is None:
            return [run for kind in kinds for run in await self._everywhere(kind, is_sorted=meant.sort is not None)]
        pools: dict[int, list[int]] = {}
        for pool, worker in where:
            pools.setdefault(pool, []).append(worker)
        order = sorted(pools, key=lambda pool: placement.pools[pool].name, reverse=by_place and meant.is_descending)
        if not by_place:
            there = [[await self._of_workers(kind, pool, pools[pool]) for pool in order] for kind in kinds]
            return [run for of_kind in there for run in _in_order(of_kind)]
        runs: list[Run] = []
        for pool in order:
            each = [[worker] for worker in sorted(pools[pool], reverse=meant.is_descending)]
            for workers in each if meant.sort == "worker" else [pools[pool]]:
                for kind in kinds:
                    runs += await self._of_workers(kind, pool, workers)
        return runs

    async def _everywhere(self, kind: str, *, is_sorted: bool) -> list[Run]:
        """All agents of a kind: the numbers in order, then the names."""
        placement = self._placement
        parts = sorted(
            (part for pool in range(len(placement.pools)) for part in placement.parts_of(kind, pool)),
            key=lambda part: part.start,
        )
        names = await self._alphabet(kind) if is_sorted else [name for _, run in placement.runs_of(kind) for name in run]
        return [*((kind, range(part.start, part.stop)) for part in parts), *([(kind, names)] if names else [])]

    async def _of_workers(self, kind: str, pool: int, workers: Sequence[int]) -> list[Run]:
        """The agents of a kind that some workers of a pool have."""
        spec = self._placement.pools[pool]
        parts = [range(part.start, part.stop) for part in self._placement.parts_of(kind, pool)]
        runs: list[Run] = [(kind, numbers) for numbers in parts]
        if self._placement.names_of(kind, pool):
            there = frozenset(self._placement.names_of(kind, pool))
            runs.append((kind, [name for name in await self._alphabet(kind) if name in there]))
        if len(workers) == spec.workers:
            return runs
        prefix, wanted = crc32(f"{kind}/".encode()), frozenset(workers)
        owned = frozenset(shard for shard in range(spec.shards) if owner_of(shard, spec.workers) in wanted)

        def those(keys: Sequence[Key]) -> list[Key]:
            return [key for key in keys if crc32(str(key).encode(), prefix) % spec.shards in owned]

        return [(kind, [key async for some in slices(keys, those) for key in some]) for kind, keys in runs]

    async def _alphabet(self, kind: str) -> list[str]:
        """The names of a kind's agents in order. New ones are put between those that are known, a few at a time."""
        placement = self._placement
        takings = placement.stamp(kind)[1]
        size, seen, known = self._sorted.get(kind, (0, takings, []))
        names = [name for pool in range(len(placement.pools)) for name in placement.names_of(kind, pool)]
        if seen == takings and size == len(names):
            return known
        have = frozenset(known if seen == takings else ())
        fresh = [name for name in names if name not in have]
        known = list(known) if have else []
        for at in range(0, len(fresh), FIRST * 64):
            known += fresh[at : at + FIRST * 64]
            known.sort()
            await asyncio.sleep(0)
        self._sorted[kind] = len(names), takings, known
        return known

    async def _filtered(self, runs: list[Run], meant: Filter) -> list[Run]:
        if not meant.text:
            return runs
        found: list[Run] = []
        for kind, keys in runs:
            some = [key async for part in slices(keys, _tester(meant, kind)) for key in part]
            found += [(kind, some)] if some else []
        return found


def _tester(meant: Filter, kind: str) -> Callable[[Sequence[Key]], list[Key]]:
    return lambda keys: meant.those(kind, keys)


def _in_order(pools: Sequence[Sequence[Run]]) -> list[Run]:
    """What some pools have of one kind, in the order of the addresses; two pools never share a range."""
    runs = [run for of_pool in pools for run in of_pool if run[1]]
    if len(pools) == 1:
        return runs
    names = sorted(key for _, keys in runs if type(keys[0]) is str for key in keys)  # type: ignore[type-var]
    numbers = sorted((run for run in runs if type(run[1][0]) is int), key=lambda run: run[1][0])  # type: ignore[arg-type,return-value]
    return [*numbers, *([(runs[0][0], names)] if names else [])]


async def slices(
    keys: Sequence[Key], those: Callable[[Sequence[Key]], list[Key]], clock: Callable[[], float] = time.perf_counter
) -> AsyncIterator[list[Key]]:
    """What passes of many keys, looked at a few at a time: as many as take PAUSE_S seconds."""
    at, size = 0, FIRST
    while at < len(keys):
        began_s = clock()
        some = those(keys[at : at + size])
        at += size
        took_s = max(clock() - began_s, 1e-6)
        size = min(max(int(size * PAUSE_S / took_s), 1), 4 * size, MOST)
        yield some
        await asyncio.sleep(0)
