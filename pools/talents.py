"""Which agents were given skills of their own when they were spawned, beyond those of their class.

Owns these by kind and by set of skills, as ranges and names, not by agent. Pure. The placement takes out who is removed; the
balancer looks at those of one set as if they were a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from pools.address import Key
from pools.spans import Part, cut
from pools.spec import PoolSpec

__all__ = ["Talented", "Talents"]

Skills = frozenset[str]


class _Holders:
    """The agents of one kind with the same skills. parts: sorted, and starts with them."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.parts: list[Part] = []
        self.names: dict[str, int] = {}


class Talents:
    """The skills that were given, for all kinds of an engine."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[Skills, _Holders]] = {}
        self._changes = 0

    def give(self, kind: str, skills: Skills, ranges: Iterable[Part], names: Mapping[int, Iterable[str]]) -> None:
        """These agents have these skills, besides those of their class. names: by pool."""
        if not skills:
            return
        holders = self._kinds.setdefault(kind, {}).setdefault(skills, _Holders())
        holders.parts = sorted([*holders.parts, *ranges], key=lambda part: part.start)
        holders.starts = [part.start for part in holders.parts]
        holders.names |= {name: pool for pool, mine in names.items() for name in mine}
        self._changes += 1

    def take(self, kind: str, ranges: Iterable[tuple[int, int]], names: Iterable[str]) -> None:
        """These agents are removed: whoever has their keys later has no skills of theirs. ranges: start and stop of each."""
        sets = self._kinds.get(kind)
        if sets is None:
            return
        self._changes += 1
        ranges, names = list(ranges), list(names)
        for skills, holders in list(sets.items()):
            for start, stop in ranges:
                cut(holders.starts, holders.parts, start, stop, Part.piece)
            for name in names:
                holders.names.pop(name, None)
            if not holders.parts and not holders.names:
                del sets[skills]

    def sets(self, kind: str) -> list[Skills]:
        """The sets of skills that some agents of a kind have."""
        return list(self._kinds.get(kind, ()))

    def of(self, kind: str, key: Key) -> Skills:
        """What one agent was given."""
        holding = (
            skills
            for skills, holders in self._kinds.get(kind, {}).items()
            if key in holders.names or any(part.start <= key < part.stop for part in holders.parts if type(key) is int)
        )
        return frozenset().union(*holding)

    def stamp(self) -> int:
        """Another number after each change."""
        return self._changes

    def some(self, kind: str, skills: Skills, pool: int, turn: int, count: int) -> list[Key]:
        """Up to `count` of those with these skills in a pool, in their order from a turn on."""
        holders = self._kinds.get(kind, {}).get(skills, _NOBODY)
        found: list[Key] = []
        for part in holders.parts:
            if part.pool == pool:
                size = part.stop - part.start
                if turn < size and len(found) < count:
                    found += range(part.start + turn, min(part.stop, part.start + turn + count - len(found)))
                turn = max(turn - size, 0)
        names = [name for name, where in holders.names.items() if where == pool]
        return found + names[turn : turn + count - len(found)]

    def rows(self, kind: str) -> list[tuple[list[str], list[Part], dict[int, list[str]]]]:
        """All of a kind: the skills, and who has them."""
        found = []
        for skills, holders in self._kinds.get(kind, {}).items():
            names: dict[int, list[str]] = {}
            for name, pool in holders.names.items():
                names.setdefault(pool, []).append(name)
            found.append((sorted(skills), list(holders.parts), names))
        return found


_NOBODY = _Holders()


class Talented:
    """The agents of a kind with the same skills, as a rota lists them. worker_of: pool and worker of an agent."""

    def __init__(
        self, talents: Talents, skills: Skills, pools: Sequence[PoolSpec], worker_of: Callable[[str, Key], tuple[int, int]]
    ) -> None:
        self._talents = talents
        self._skills = skills
        self.pools = pools
        self.worker_of = worker_of

    def stamp(self, _kind: str) -> tuple[int, int]:
        """Another pair after each change."""
        return 0, self._talents.stamp()

    def some(self, kind: str, pool: int, turn: int, count: int) -> list[Key]:
        """As `Talents.some`."""
        return self._talents.some(kind, self._skills, pool, turn, count)

    def holders(self, kind: str) -> list[int]:
        """The pools that hold some."""
        return [pool for pool in range(len(self.pools)) if self.some(kind, pool, 0, 1)]
