"""The agents, counted again from the roster: how many there are, and how many of them are in quarantine.

Owns what was spawned and removed, as sets of keys made of the roster's acts; nobody is placed anywhere for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from checkpoints.files import Files
from engine.offline.look import open_view

__all__ = ["AgentCount", "read_roster"]

#: Kinds of records that are looked at; what was done with agents; what stands for an agent that is in quarantine.
AGENTS, SICK = "agents", "sick"
SPAWNED, REMOVED = "+", "-"
IN_QUARANTINE = ("trial", "parked")


class AgentCount:
    """The agents of all kinds."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[tuple[int, int]]] = {}
        self._names: dict[str, set[str]] = {}
        self._sick: set[str] = set()

    @property
    def total(self) -> int:
        """How many agents there are."""
        numbered = sum(stop - start for spans in self._numbers.values() for start, stop in spans)
        return numbered + sum(map(len, self._names.values()))

    @property
    def failed(self) -> int:
        """How many are in quarantine."""
        return len(self._sick)

    def has(self, kind: str, key: int | str) -> bool:
        """Whether there is such an agent."""
        if isinstance(key, str):
            return key in self._names.get(kind, ())
        return any(start <= key < stop for start, stop in self._numbers.get(kind, ()))

    def take(self, kind: str, key: str, state: dict[str, Any]) -> None:
        """A record of the roster."""
        if kind == SICK and state.get("status") in IN_QUARANTINE:
            self._sick.add(key)
        elif kind == AGENTS:
            self._add(key, state.get("ranges", ()), state.get("names", ()))
            for what, *facts in state.get("acts", ()):
                if what == SPAWNED:
                    self._add(key, facts[0], facts[1])
                elif what == REMOVED:
                    self._remove(key, facts[1], facts[2])

    def _add(self, kind: str, ranges: Iterable[Sequence[int]], names: Iterable[Sequence[Any]]) -> None:
        spans = self._numbers.setdefault(kind, [])
        for _, start, stop in ranges:
            spans[:] = [*_without(spans, start, stop), (start, stop)]
        for _, some in names:
            self._names.setdefault(kind, set()).update(some)

    def _remove(self, kind: str, ranges: Iterable[Sequence[int]], names: Iterable[Sequence[Any]]) -> None:
        spans = self._numbers.setdefault(kind, [])
        for _, start, stop in ranges:
            spans[:] = _without(spans, start, stop)
        for _, some in names:
            self._names.setdefault(kind, set()).difference_update(some)


def _without(spans: Iterable[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """What is left of some spans of numbers without those from start to stop."""
    left = []
    for first, last in spans:
        left += [(low, high) for low, high in ((first, min(last, start)), (max(first, stop), last)) if low < high]
    return left


def read_roster(files: Files, folder: str) -> AgentCount:
    """The agents that a roster tells of. Raises CheckpointError, OSError."""
    count = AgentCount()
    with open_view(files, folder) as view:
        if view.error is not None:
            raise view.error
        for kind, key, state in view.items():
            count.take(kind, str(key), state)
    return count
