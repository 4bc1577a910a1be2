"""The tasks behind a busy agent's unfinished one.

Owns their order: as they came while they are alike, by priority once they are not. How many there may be is the turns'
business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from pools.ranked import NORMAL, Ranked

__all__ = ["Mailbox"]

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One agent's. A queue for each priority is made when a second one comes: there may be many mailboxes."""

    __slots__ = ("_alike", "_priority", "_ranked")

    def __init__(self) -> None:
        self._alike: deque[T] = deque()
        #: Of all that are alike.
        self._priority = NORMAL
        self._ranked: Ranked[T] | None = None

    def __len__(self) -> int:
        return len(self._alike) if self._ranked is None else len(self._ranked)

    def __iter__(self) -> Iterator[T]:
        return iter(self._alike) if self._ranked is None else iter(self._ranked)

    def put(self, task: T, priority: int = NORMAL) -> None:
        """Have one more wait."""
        if self._ranked is None:
            if not self._alike:
                self._priority = priority
            if self._priority == priority:
                self._alike.append(task)
                return
            self._ranked = Ranked()
            for each in self._alike:
                self._ranked.put(each, self._priority)
            self._alike.clear()
        self._ranked.put(task, priority)

    def take(self) -> T:
        """The next one. Raises IndexError where none waits."""
        if self._ranked is None:
            return self._alike.popleft()
        task = self._ranked.take()
        if not self._ranked:
            self._ranked = None
        return task

    def remove(self, task: T, priority: int = NORMAL) -> None:
        """Take one of a priority out, wherever it waits. Raises ValueError where it does not."""
        if self._ranked is None:
            self._alike.remove(task)
        else:
            self._ranked.remove(task, priority)

    def clear(self) -> None:
        """Let all of them go."""
        self._alike.clear()
        self._ranked = None
