"""What waits, by priority: higher ones first, and none of the lower ones for ever.

Owns the order. Of TURN that are taken while lower ones wait, one is of a lower priority, and the lower ones take turns: whoever
is first of its priority is taken within TURN x 3 = 24. Pure: things in, things out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Generic, TypeVar

__all__ = ["CRITICAL", "HIGH", "LOW", "NORMAL", "PRIORITIES", "TURN", "Ranked"]

#: The priorities, from the lowest on; each is known by its place.
PRIORITIES = ("low", "normal", "high", "critical")
LOW, NORMAL, HIGH, CRITICAL = range(4)
#: Of so many that are taken while lower ones wait, one is a lower one.
TURN = 8

T = TypeVar("T")


class Ranked(Generic[T]):
    """A queue for each priority, taken from as one."""

    def __init__(self) -> None:
        self._queues: tuple[deque[T], ...] = tuple(deque() for _ in PRIORITIES)
        #: How many were taken since a lower one was; the priorities, that which had its turn last at the end.
        self._passed = 0
        self._turns = [LOW, NORMAL, HIGH]
        #: The same as it was before the last one was taken.
        self._before: tuple[int, list[int]] = 0, self._turns

    def __len__(self) -> int:
        low, normal, high, critical = self._queues
        return len(low) + len(normal) + len(high) + len(critical)

    def __bool__(self) -> bool:
        low, normal, high, critical = self._queues
        return bool(normal or high or critical or low)

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(reversed(self._queues))

    def put(self, thing: T, priority: int = NORMAL) -> None:
        """Have one more wait, behind those of its priority."""
        self._queues[priority].append(thing)

    def put_back(self, thing: T, priority: int = NORMAL) -> None:
        """Have one wait again, before all others of its priority."""
        self._queues[priority].appendleft(thing)

    def pass_over(self) -> None:
        """What was taken last cannot go, and is not counted: if that was the turn of a lower priority, it is still to come."""
        self._passed, self._turns = self._before

    def of(self, priority: int) -> Iterator[T]:
        """What waits of one priority."""
        return iter(self._queues[priority])

    def take(self) -> T:
        """The next one. Raises IndexError where nothing waits."""
        queues = self._queues
        self._before = self._passed, self._turns
        top = CRITICAL
        while top and not queues[top]:
            top -= 1
        if top and any(queues[:top]):
            self._passed += 1
            if self._passed >= TURN:
                self._passed = 0
                top = self._lower(top)
        return queues[top].popleft()

    def take_up_to(self, count: int) -> list[T]:
        """The next ones, as many as that where there are so many."""
        queues = [queue for queue in self._queues if queue]
        if len(queues) == 1:
            queue = queues[0]
            return [queue.popleft() for _ in range(min(count, len(queue)))]
        return [self.take() for _ in range(min(count, len(self)))]

    def _lower(self, top: int) -> int:
        """The lower priority whose turn it is: of those where something waits, the one that had it the longest ago."""
        lower = next(each for each in self._turns if each < top and self._queues[each])
        self._turns = [each for each in self._turns if each != lower] + [lower]
        return lower

    def remove(self, thing: T, priority: int = NORMAL) -> None:
        """Take one out, wherever it waits. Raises ValueError where it does not."""
        self._queues[priority].remove(thing)

    def drop(self) -> list[T]:
        """Take out everything, the highest first."""
        dropped = list(self)
        for queue in self._queues:
            queue.clear()
        return dropped
