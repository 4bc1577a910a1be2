"""A ground of so many agents of one kind, chosen in turn, each a place by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

from pools.address import Key
from pools.errors import CircuitOpen

__all__ = ["Plain"]


class Plain:
    """Agents 0 to count - 1.

    gone: those that can take nothing.  shut: those whose breakers are open.  room: what there is left of each resource.
    """

    def __init__(self, count: int = 4, *, can_split: bool = False) -> None:
        self._turn = cycle(range(count))
        self.gone: set[str] = set()
        self.shut: set[str] = set()
        self.room: Mapping[str, float] = {}
        self.splits = can_split

    def pick(self, kind: str) -> Key:
        return next(self._turn)

    def deal(self, kind: str, count: int, *, is_idle_first: bool = False) -> Sequence[Key] | None:
        return None if self.shut else [self.pick(kind) for _ in range(count)]

    def places_of(self, kind: str, keys: Sequence[Key]) -> Sequence[str]:
        return [self.place_of(kind, key) for key in keys]

    def admit(self, kind: str, key: Key) -> None:
        if f"{kind}/{key}" in self.shut:
            raise CircuitOpen("no")

    def place_of(self, kind: str, key: Key) -> str:
        return f"{kind}/{key}"

    def one_of(self, kind: str, place: str) -> Key:
        return None if place in self.gone else int(place.rpartition("/")[2])

    def left(self, kind: str, key: Key) -> Mapping[str, float]:
        return self.room

    def can_split(self, kind: str) -> bool:
        return self.splits
