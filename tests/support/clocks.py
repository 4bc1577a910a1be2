"""Time that passes only when a test says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["Clock", "Turns"]


class Clock:
    """A monotonic clock; each look at it costs `step_ns`."""

    def __init__(self, now_ns: int = 1_000_000_000, step_ns: int = 0) -> None:
        self.now_ns = now_ns
        self.step_ns = step_ns
        self._timers: list[tuple[int, Callable[[], None]]] = []

    def ns(self) -> int:
        """Nanoseconds."""
        self.now_ns += self.step_ns
        return self.now_ns

    def s(self) -> float:
        """Seconds."""
        return self.now_ns / 1e9

    def later(self, after_s: float, callback: Callable[[], None]) -> None:
        """Call something when so many seconds have passed."""
        self._timers.append((self.now_ns + int(after_s * 1e9), callback))

    def pass_s(self, seconds: float) -> None:
        """Let time pass, and call what is due."""
        self.now_ns += int(seconds * 1e9)
        due = [timer for timer in self._timers if timer[0] <= self.now_ns]
        self._timers = [timer for timer in self._timers if timer[0] > self.now_ns]
        for _, callback in sorted(due, key=lambda timer: timer[0]):
            callback()


class Turns:
    """A loop by hand: what is deferred runs when the test asks for the next turn."""

    def __init__(self) -> None:
        self.due: deque[Callable[[], None]] = deque()

    def __call__(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def turn(self) -> None:
        """Run what was deferred before this turn."""
        for _ in range(len(self.due)):
            self.due.popleft()()

    def run(self) -> int:
        """Run turns until nothing is deferred; returns how many it took. Fails past 10,000."""
        for taken in range(10_000):
            if not self.due:
                return taken
            self.turn()
        raise AssertionError("the loop does not come to rest")
