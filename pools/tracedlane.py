"""Tasks that were not sent yet, some of which are parts of traces.

Owns which of those that leave together are, and the column that says so. A lane of another sort knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pools.duelane import DueLane
from pools.lane import Lane, Section, Sink, Way

__all__ = ["Leave", "TracedDueLane", "TracedLane", "column_of"]

#: Gives the `traceparent` of a task that leaves, by its token, which is None for one that leaves alone before it has any; None
#: for one that is part of no trace.
Leave = Callable[[Any], str | None]


def column_of(leave: Leave, tokens: Sequence[Any]) -> dict[str, Any]:
    """What a section says of the traces of its tasks. With it goes whether effects are counted, so that it is looked at."""
    column = [leave(token) for token in tokens]
    return {"fx": 0, "tp": column} if any(column) else {}


class TracedLane(Lane):
    """A lane whose tasks may be parts of traces."""

    __slots__ = ("_leaving", "leave")

    def __init__(self, link: Way, kind: str, sink: Sink, leave: Leave) -> None:
        super().__init__(link, kind, sink)
        self.leave = leave
        self._leaving: Sequence[Any] = ()

    def take(self, count: int) -> Section:
        """As for every lane."""
        taken = super().take(count)
        self._leaving = taken[0]
        return taken

    @property
    def rank(self) -> dict[str, Any]:
        """As for every lane, and the traces of those that were just taken."""
        leaving, self._leaving = self._leaving or (None,), ()
        return column_of(self.leave, leaving) | super().rank


class TracedDueLane(DueLane):
    """The same, of tasks that have a time each."""

    __slots__ = ("_gone", "leave")

    def __init__(self, link: Way, kind: str, sink: Sink, clock: Callable[[], float], leave: Leave) -> None:
        super().__init__(link, kind, sink, clock)
        self.leave = leave
        self._gone: Sequence[Any] = ()

    def take(self, count: int) -> Section:
        """As for every lane."""
        taken = super().take(count)
        self._gone = taken[0]
        return taken

    @property
    def rank(self) -> dict[str, Any]:
        """As for every lane, and the traces of those that were just taken."""
        gone, self._gone = self._gone or (None,), ()
        return column_of(self.leave, gone) | super().rank
