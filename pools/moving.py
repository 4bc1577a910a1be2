"""Which agents of an engine were given out to another one, and are still here until they are removed or retained.

Owns that no task for their kind is dealt to them meanwhile. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from pools.address import Key
from pools.population import Population
from pools.spans import Part, merged

__all__ = ["Lot", "Moving", "lot_of"]

Lot = tuple[list[Part], dict[int, list[str]]]


class Moving:
    """Those of all kinds. populations: by kind, as the placement has them."""

    def __init__(self, populations: Mapping[str, Population]) -> None:
        self._populations = populations
        self._kinds: dict[str, dict[Key, int]] = {}
        self._lots: dict[str, Lot] = {}
        self._sure: dict[str, set[Key]] = {}

    def of(self, kind: str) -> Mapping[Key, int]:
        """Those of a kind, with the pool of each."""
        return self._kinds.get(kind, {})

    def sure(self, kind: str) -> AbstractSet[Key]:
        """Those of them that take no tasks, whichever process has them; the others are only about to be given out."""
        return self._sure.get(kind, frozenset())

    def confirm(self, kind: str, keys: Iterable[Key]) -> None:
        """These take no tasks any more."""
        self._sure.setdefault(kind, set()).update(keys)

    def lot(self, kind: str) -> Lot:
        """The same as ranges, and as names by pool."""
        return self._lots.get(kind, ([], {}))

    def add(self, kind: str, agents: Mapping[Key, int]) -> None:
        """These are given out. agents: with the pool of each."""
        if agents:
            self._put(kind, {**self.of(kind), **agents})

    def drop(self, kind: str, keys: Iterable[Key]) -> None:
        """These are not any more."""
        left = dict(self.of(kind))
        for key in keys:
            left.pop(key, None)
            self._sure.get(kind, set()).discard(key)
        if len(left) < len(self.of(kind)):
            self._put(kind, left)

    def forget(self, kind: str, has: Callable[[str, Key], bool]) -> None:
        """Some agents of a kind are gone. has: whether there is one."""
        self.drop(kind, [key for key in self.of(kind) if not has(kind, key)])

    def _put(self, kind: str, agents: dict[Key, int]) -> None:
        coming = self._populations[kind].coming
        before = self._lots.pop(kind, None)
        if before is not None:
            coming.drop(*before)
        self._kinds.pop(kind, None)
        if agents:
            self._kinds[kind] = agents
            self._lots[kind] = lot_of(agents)
            coming.add(*self._lots[kind])


def lot_of(agents: Mapping[Key, int]) -> Lot:
    """Agents as ranges, and as names by pool."""
    parts: list[Part] = []
    names: dict[int, list[str]] = {}
    for pool in sorted(set(agents.values())):
        numbers = [(key, key + 1) for key, where in agents.items() if where == pool and isinstance(key, int)]
        parts += [Part(pool, start, stop) for start, stop in merged(numbers)]
        named = [key for key, where in agents.items() if where == pool and isinstance(key, str)]
        if named:
            names[pool] = named
    return parts, names
