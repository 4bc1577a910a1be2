"""How the tasks of one run stand, by what they are called: open, or ended, and how.

Owns how far back that is remembered: of those that have ended, between MOST and twice as many of the newest. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

__all__ = ["ENDED_TASKS", "Standing"]

#: Tasks that have ended of which it is known how, for those that name them later: at least so many of the newest.
ENDED_TASKS = 100_000


class Standing:
    """What is open, and how the newest of the others ended. What cannot be looked up, such as a list, is never found."""

    def __init__(self) -> None:
        self._open: set[Any] = set()
        #: Those that were done, the newer ones and those before them; and those that ended otherwise.
        self._done: tuple[set[Any], set[Any]] = set(), set()
        self._others: dict[Any, str] = {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._open) + len(self._done[0]) + len(self._done[1]) + len(self._others)

    def look(self, name: Hashable) -> str | None:
        """How a task stands: `open`, `done`, as `ended` was told; None if it is not known, or not any more."""
        if name in self._open:
            return "open"
        if name in self._others:
            return self._others[name]
        return "done" if name in self._done[0] or name in self._done[1] else None

    def open(self, names: Sequence[Any]) -> None:
        """Tasks are about to be sent."""
        try:
            self._open.update(names)
        except TypeError:  # one is called by a list: nobody can wait for that one
            self._open.update(_hashable(names))

    def done(self, names: Sequence[Any]) -> None:
        """Tasks are done."""
        try:
            self._open.difference_update(names)
            self._done[0].update(names)
        except TypeError:
            self.done(list(_hashable(names)))
            return
        if self._others:
            for name in self._others.keys() & names:
                del self._others[name]
        if len(self._done[0]) >= ENDED_TASKS:
            self._done = set(), self._done[0]

    def ended(self, name: Any, state: str) -> None:
        """A task ended otherwise."""
        self._open.discard(name)
        self._others.pop(name, None)
        self._others[name] = state
        if len(self._others) > ENDED_TASKS:
            del self._others[next(iter(self._others))]


def _hashable(names: Iterable[Any]) -> Iterable[Any]:
    return (name for name in names if type(name) in (int, str))
