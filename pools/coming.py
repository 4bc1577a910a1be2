"""Agents of one kind that exist and that no worker was told of yet, as they are being written down.

Owns which they are. Whoever names one of them finds it; a task for the kind is dealt to the others. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pools.spans import Part, cut

__all__ = ["Coming"]


class Coming:
    """The agents of one kind that are coming."""

    def __init__(self) -> None:
        self._lots: list[tuple[Sequence[Part], Mapping[int, Sequence[str]]]] = []
        #: How many they are.
        self.count = 0

    def add(self, ranges: Sequence[Part], names: Mapping[int, Sequence[str]]) -> None:
        """These come. names: by pool."""
        self._lots.append((ranges, names))
        self.count += _size(ranges, names)

    def drop(self, ranges: Sequence[Part], names: Mapping[int, Sequence[str]]) -> None:
        """These have come, or will not."""
        self._lots.remove((ranges, names))
        self.count -= _size(ranges, names)

    def others(self, pool: int, parts: list[Part], names: Sequence[str]) -> tuple[list[Part], Sequence[str]]:
        """Of the agents of a pool those that are there. parts: sorted; cut in place."""
        starts = [part.start for part in parts]
        for ranges, coming in self._lots:
            for part in ranges:
                if part.pool == pool:
                    cut(starts, parts, part.start, part.stop, Part.piece)
            if new := frozenset(coming.get(pool, ())):
                names = [name for name in names if name not in new]
        return parts, names


def _size(ranges: Sequence[Part], names: Mapping[int, Sequence[str]]) -> int:
    return sum(part.stop - part.start for part in ranges) + sum(map(len, names.values()))
