"""Things that are due at some time, in one heap with one timer.

Owns when the next look is, and the forgetting of what is not waited for any more. What is done with what is due is not known
here.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

__all__ = ["Alarms", "Timer"]

#: Things that are not waited for any more and stand in the heap all the same: past it, and past half of all, it is cleared.
STALE = 10_000

T = TypeVar("T")


class Timer(Protocol):
    """What alarms need of a loop."""

    def time(self) -> float:
        """Monotonic seconds."""
        ...

    def call_later(self, after_s: float, function: Callable[[], object]) -> object:
        """Call a function after some seconds."""
        ...


class Alarms(Generic[T]):
    """What is due later. due: told of it.  is_wanted: whether somebody still waits for a thing."""

    def __init__(self, timer: Timer, due: Callable[[list[T]], object], is_wanted: Callable[[T], bool]) -> None:
        self._timer = timer
        self._due = due
        self._is_wanted = is_wanted
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0
        self._next_s = float("inf")
        self._bound = STALE
        self._is_stopped = False

    def put(self, after_s: float, thing: T) -> None:
        """Have a thing due after some seconds."""
        at_s = self._timer.time() + after_s
        self._count += 1
        if len(self._heap) > self._bound:
            self._heap = [entry for entry in self._heap if self._is_wanted(entry[2])]
            heapify(self._heap)
            self._bound = 2 * len(self._heap) + STALE
        heappush(self._heap, (at_s, self._count, thing))
        if at_s < self._next_s:
            self._look_at(at_s)

    def stop(self) -> None:
        """Nothing is due any more."""
        self._is_stopped = True
        self._heap.clear()

    def _look_at(self, at_s: float) -> None:
        """Look at this time, if nothing is due before; an earlier look that was planned finds nothing, and plans the next."""
        self._next_s = at_s
        self._timer.call_later(max(at_s - self._timer.time(), 0.0), lambda: self._look(at_s))

    def _look(self, at_s: float) -> None:
        if at_s != self._next_s or self._is_stopped:
            return
        now_s = self._timer.time()
        due: list[T] = []
        while self._heap and self._heap[0][0] <= now_s:
            thing = heappop(self._heap)[2]
            if self._is_wanted(thing):
                due.append(thing)
        self._next_s = float("inf")
        if self._heap:
            self._look_at(self._heap[0][0])
        if due:
            self._due(due)
