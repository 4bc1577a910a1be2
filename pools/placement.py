"""Which agents exist, and in which pool each of them lives.

Pure: it decides and remembers, it sends nothing. A spawned range is one entry for each pool that takes a part of it,
however many agents it has. Within a pool an agent belongs to a shard by the hash of its address, and the shard to a worker.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from zlib import crc32

from checkpoints.shards import shard_of
from pools.address import NUMBER_DIGITS, Key, parse
from pools.errors import TooManyAgents, UnknownAgent, UnknownKind
from pools.gauges import key_half, who_is
from pools.moving import Moving
from pools.population import Population
from pools.spans import Part, Span, cut, free, merged, missing
from pools.spec import PoolSpec
from pools.talents import Talents
from pools.whereabouts import unknown

__all__ = ["Part", "Placement", "Taken", "owner_of", "shares"]

#: Agents that were taken out: their ranges, and their names by pool.
Taken = tuple[list[Part], dict[int, list[str]]]


def owner_of(shard: int, workers: int) -> int:
    """The worker of a pool that owns a shard while all of them are up."""
    return shard % workers


def shares(count: int, weights: Sequence[float]) -> list[int]:
    """A count divided by weights with the largest remainder (Hamilton's method); ties go to the first.

    Returns whole numbers that add up to count. weights: at least one above 0.
    """
    total = sum(weights)
    exact = [count * weight / total for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: count - sum(parts)]:
        parts[index] += 1
    return parts


class Placement:
    """The agents of an engine. limit: most agents in all."""

    def __init__(self, pools: Sequence[PoolSpec], limit: int) -> None:
        self.pools = tuple(pools)
        self.limit = limit
        self.count = 0
        #: Agents of each pool.
        self.used = [0] * len(pools)
        self._kinds: dict[str, Population] = {}
        #: The skills that agents were given.
        self.talents = Talents()
        #: Those that were given out to another engine.
        self.moving = Moving(self._kinds)

    def kinds(self) -> list[str]:
        """The kinds that have agents."""
        return list(self._kinds)

    def count_of(self, kind: str) -> int:
        """Agents of a kind."""
        found = self._kinds.get(kind)
        return found.count if found else 0

    def hosts(self, kind: str) -> list[int]:
        """The pools that may take a kind. Raises UnknownKind when none may."""
        hosts = [i for i, pool in enumerate(self.pools) if not pool.kinds or kind in pool.kinds]
        if not hosts:
            raise UnknownKind(f"no pool takes kind {kind!r}; add it to the kinds of a pool")
        return hosts

    def plan(self, kind: str, count: int) -> list[int]:
        """How many of `count` new agents each pool would take: in proportion to the room it has.

        Raises TooManyAgents, naming the limit; nothing is kept of it.
        """
        hosts = self.hosts(kind)
        self._check_limit(count)
        room = [self.pools[i].agents - self.used[i] if i in hosts else 0 for i in range(len(self.pools))]
        if count > sum(room):
            names = ", ".join(self.pools[i].name for i in hosts)
            raise TooManyAgents(
                f"{count:,} more of {kind!r} do not fit: {names} have room for {sum(room):,} (pools.…agents); nothing was "
                "spawned",
                limit=sum(self.pools[i].agents for i in hosts),
                where=names,
            )
        return shares(count, room) if count else [0] * len(room)

    def _check_limit(self, count: int) -> None:
        if self.count + count > self.limit:
            raise TooManyAgents(
                f"{self.count + count:,} agents would pass this engine's limit of {self.limit:,} (agents in pools.yaml, "
                "agents_limit of Engine); nothing was spawned",
                limit=self.limit,
                where="engine",
            )

    def add_range(self, kind: str, count: int) -> list[Part]:
        """Make `count` more numbered agents exist, with the lowest numbers that are free. Returns where they live.

        Raises as `plan`.
        """
        planned = self.plan(kind, count)
        entry = self._kinds.setdefault(kind, Population())
        has_holes = bool(entry.parts) and entry.numbered < entry.parts[-1].stop
        start = entry.parts[-1].stop if entry.parts else 0
        spans = free(entry.parts, count) if has_holes else [Span(start, start + count)]
        return self._add(entry, planned, spans)

    def absent(self, kind: str, ranges: Iterable[tuple[int, int]]) -> list[Span]:
        """Those numbers of some ranges that no agent of a kind has."""
        entry = self._kinds.get(kind)
        return merged(ranges) if entry is None else missing(entry.parts, ranges)

    def add_numbers(self, kind: str, spans: Sequence[Span]) -> list[Part]:
        """Make agents with these numbers exist, which none has. Returns where they live. Raises as `plan`."""
        planned = self.plan(kind, sum(span.stop - span.start for span in spans))
        return self._add(self._kinds.setdefault(kind, Population()), planned, spans)

    def _add(self, entry: Population, planned: Sequence[int], spans: Iterable[Span]) -> list[Part]:
        """Make numbers exist that are free, so many of them in each pool as is planned."""
        made: list[Part] = []
        pool, room = 0, planned[0]
        for first, stop in spans:
            at = first
            while at < stop:
                while not room:
                    pool, room = pool + 1, planned[pool + 1]
                size = min(room, stop - at)
                made.append(Part(pool, at, at + size))
                at, room = at + size, room - size
        for part in made:
            self._put(entry, part)
        return made

    def _put(self, entry: Population, part: Part) -> None:
        size = part.stop - part.start
        entry.add(part)
        entry.numbered += size
        self._count(entry, part.pool, size)

    def take(self, kind: str, ranges: Iterable[tuple[int, int]], names: Iterable[str]) -> Taken:
        """Take agents out; returns those that there were. ranges: start and stop of each, without the stop."""
        entry = self._kinds.get(kind) or Population()
        entry.takings += 1
        ranges, names = list(ranges), list(names)
        self.talents.take(kind, ranges, names)
        parts = [part for start, stop in ranges for part in cut(entry.starts, entry.parts, start, stop, Part.piece)]
        for part in parts:
            entry.numbered -= part.stop - part.start
            self._count(entry, part.pool, part.start - part.stop)
        named: dict[int, list[str]] = {}
        for name in names:
            pool = entry.names.pop(name, None)
            if pool is not None:
                named.setdefault(pool, []).append(name)
        for pool, gone in named.items():
            self._count(entry, pool, -len(gone))
            entry.named[pool] = [name for name in entry.named[pool] if name in entry.names]
            if not entry.named[pool]:
                del entry.named[pool]
        self.moving.forget(kind, self.has)
        return parts, named

    @contextmanager
    def coming(self, kind: str, ranges: list[Part], names: dict[int, list[str]]) -> Iterator[None]:
        """While this lasts no task for the kind is dealt to these new agents; an error takes them out again."""
        coming = self._kinds[kind].coming
        coming.add(ranges, names)
        try:
            yield
        except BaseException:
            self.take(kind, [(part.start, part.stop) for part in ranges], [name for part in names.values() for name in part])
            raise
        finally:
            coming.drop(ranges, names)

    def restore(self, kind: str, ranges: Sequence[Part], names: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Place agents where they were before, whatever the limits are now."""
        entry = self._kinds.setdefault(kind, Population())
        for part in ranges:
            self._put(entry, part)
        for pool, names_there in names:
            entry.names.update(dict.fromkeys(names_there, pool))
            entry.named.setdefault(pool, []).extend(names_there)
            self._count(entry, pool, len(names_there))

    def _count(self, entry: Population, pool: int, count: int) -> None:
        entry.count += count
        self.count += count
        self.used[pool] += count

    def numbered(self, kind: str) -> int:
        """How many numbered agents of a kind there are: 0 to this number less one, but for those that were taken out."""
        entry = self._kinds.get(kind)
        return entry.numbered if entry else 0

    def add_names(self, kind: str, names: Iterable[str]) -> dict[int, list[str]]:
        """Make agents with these keys exist; those that do are left alone. Returns the new names by pool. Raises as `plan`."""
        entry = self._kinds.get(kind) or Population()
        fresh = [name for name in dict.fromkeys(names) if name not in entry.names]
        planned = self.plan(kind, len(fresh))
        self._kinds[kind] = entry
        placed: dict[int, list[str]] = {}
        at = 0
        for pool, part in enumerate(planned):
            if part:
                placed[pool] = fresh[at : at + part]
                entry.names.update(dict.fromkeys(placed[pool], pool))
                entry.named.setdefault(pool, []).extend(placed[pool])
                self.used[pool] += part
                at += part
        entry.count += len(fresh)
        self.count += len(fresh)
        return placed

    def add_name(self, kind: str, name: str) -> int:
        """Make one agent exist in the pool that its address says, whoever else there is; returns which.

        The same kind, name and pools give the same pool.  Raises UnknownKind, TooManyAgents.
        """
        hosts = self.hosts(kind)
        self._check_limit(1)
        # The upper bits choose the pool, as the lower ones choose the shard in it.
        pool = hosts[crc32(f"{kind}/{name}".encode()) * len(hosts) >> 32]
        spec = self.pools[pool]
        if self.used[pool] >= spec.agents:
            raise TooManyAgents(
                f"{kind}/{name} belongs into {spec.name}, which has no room for more than {spec.agents:,} agents "
                f"(pools.{spec.name}.agents)",
                limit=spec.agents,
                where=spec.name,
            )
        entry = self._kinds.setdefault(kind, Population())
        entry.names[name] = pool
        entry.named.setdefault(pool, []).append(name)
        self._count(entry, pool, 1)
        return pool

    def has(self, kind: str, key: Key) -> bool:
        """Whether there is such an agent."""
        entry = self._kinds.get(kind)
        if entry is None:
            return False
        if type(key) is not int:
            return key in entry.names
        at = bisect_right(entry.starts, key)
        return at > 0 and key < entry.parts[at - 1].stop

    def page(self, kind: str, skip: int, limit: int) -> list[Key]:
        """A page of a kind's keys: the numbers in order, then the names in the order of their spawning."""
        entry = self._kinds.get(kind)
        if entry is None:
            return []
        numbers = self.numbered(kind)
        page: list[Key] = []
        before = 0
        for part in entry.parts:
            first = part.start + max(skip - before, 0)
            page += range(first, min(part.stop, first + limit - len(page)))
            before += part.stop - part.start
            if len(page) >= limit:
                return page
        rest = limit - len(page)
        return page + list(islice(entry.names, max(skip - numbers, 0), max(skip - numbers, 0) + rest))

    def pool_of(self, kind: str, key: Key) -> int:
        """The pool an agent lives in. Raises UnknownKind, UnknownAgent."""
        entry = self._kinds.get(kind)
        if entry is None:
            known = ", ".join(sorted(self._kinds)) or "none yet"
            raise UnknownKind(f"no agents of kind {kind!r} were spawned; there are: {known}")
        if type(key) is int:
            at = bisect_right(entry.starts, key)
            if at and key < entry.parts[at - 1].stop:
                return entry.parts[at - 1].pool
        elif key in entry.names:
            return entry.names[key]
        raise unknown(kind, key, self._known(kind, entry))

    def find(self, address: str) -> tuple[int, str, Key]:
        """The pool, kind and key of an address with a slash. Raises BadAddress, UnknownKind, UnknownAgent."""
        kind, _, text = address.partition("/")
        entry = self._kinds.get(kind)
        if entry is not None and entry.starts and len(text) < NUMBER_DIGITS and text.isdecimal():
            number = int(text)
            part = entry.parts[bisect_right(entry.starts, number) - 1]
            if part.start <= number < part.stop and str(number) == text:
                return part.pool, kind, number
        kind, key = parse(address)
        return self.pool_of(kind, key), kind, key

    def worker_of(self, kind: str, key: Key) -> tuple[int, int]:
        """The pool and, within it, the worker of an agent. Raises as `pool_of`."""
        pool = self.pool_of(kind, key)
        spec = self.pools[pool]
        if spec.workers == 1:
            return pool, 0
        return pool, owner_of(shard_of(f"{kind}/{key}".encode(), spec.shards), spec.workers)

    def worker_if_any(self, kind: str, key: Key) -> tuple[int, int] | None:
        """The same; None where there is no such agent."""
        try:
            return self.worker_of(kind, key)
        except (UnknownAgent, UnknownKind):
            return None

    def parts_of(self, kind: str, pool: int) -> list[Part]:
        """The ranges of a kind in a pool."""
        entry = self._kinds.get(kind)
        return [part for part in entry.parts if part.pool == pool] if entry else []

    def names_of(self, kind: str, pool: int) -> list[str]:
        """The named agents of a kind in a pool."""
        entry = self._kinds.get(kind)
        return entry.named.get(pool, []) if entry else []

    def runs_of(self, kind: str) -> list[tuple[int, list[str]]]:
        """The named agents of a kind in the order of their spawning: pool and names of each run in one pool."""
        entry = self._kinds.get(kind) or Population()
        runs = groupby(entry.names.items(), key=itemgetter(1))
        return [(pool, [name for name, _ in run]) for pool, run in runs]

    def named(self, who: int) -> str:
        """The address of the agent that `gauges.who_is` told; empty where there is none."""
        for kind, entry in self._kinds.items():
            half = who ^ who_is(kind, 0)
            if not half >> 32:
                if half == key_half(half):
                    return f"{kind}/{half}"
                names = (name for part in entry.named.values() for name in part)
                return next((f"{kind}/{name}" for name in names if who_is(kind, name) == who), "")
        return ""

    def holders(self, kind: str) -> list[int]:
        """The pools that hold agents of a kind. Raises UnknownKind when there are none."""
        entry = self._kinds.get(kind)
        if entry is None or entry.count <= entry.coming.count:
            raise UnknownKind(
                f"no agents of kind {kind!r} were spawned; there are: {', '.join(sorted(self._kinds)) or 'none yet'}"
            )
        hosts = sorted({part.pool for part in entry.parts} | entry.named.keys())
        return [pool for pool in hosts if any(self._there(kind, pool))] if entry.coming.count else hosts

    def _there(self, kind: str, pool: int) -> tuple[list[Part], Sequence[str]]:
        """The ranges and the names of a kind in a pool, without those that are coming."""
        entry, parts, names = self._kinds.get(kind), self.parts_of(kind, pool), self.names_of(kind, pool)
        return entry.coming.others(pool, parts, names) if entry is not None and entry.coming.count else (parts, names)

    def stamp(self, kind: str) -> tuple[int, int]:
        """Two numbers of a kind: how many agents there are, and how often some were taken out."""
        entry = self._kinds.get(kind)
        return (entry.count - entry.coming.count, entry.takings) if entry else (0, 0)

    def some(self, kind: str, pool: int, turn: int, count: int) -> list[Key]:
        """Up to `count` agents of a kind in a pool, in their order from a turn on, each of them once."""
        found: list[Key] = []
        parts, names = self._there(kind, pool)
        for part in parts:
            size = part.stop - part.start
            if turn < size and len(found) < count:
                found += range(part.start + turn, min(part.stop, part.start + turn + count - len(found)))
            turn = max(turn - size, 0)
        return found + list(names[turn : turn + count - len(found)])

    def nth(self, kind: str, pool: int, turn: int) -> Key:
        """One agent of a kind in a pool that holds some: another one with each turn."""
        parts, names = self._there(kind, pool)
        at = turn % (sum(part.stop - part.start for part in parts) + len(names))
        for part in parts:
            if at < part.stop - part.start:
                return part.start + at
            at -= part.stop - part.start
        return names[at]

    @staticmethod
    def _known(kind: str, entry: Population) -> str:
        told = []
        if entry.parts:
            first, last = entry.starts[0], entry.parts[-1].stop - 1
            some = "there are" if entry.numbered == last - first + 1 else f"there are {entry.numbered:,} of"
            told.append(f"{some} {kind}/{first} to {kind}/{last}")
        if entry.names:
            told.append(f"{len(entry.names):,} with names, such as {kind}/{next(iter(entry.names))}")
        return " and ".join(told) or f"there are none of kind {kind!r}"
