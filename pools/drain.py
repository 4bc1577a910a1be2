"""How fast a queue empties, and so how long it takes to get through it.

Owns the rate at which tasks left one queue while others waited behind them. A queue that had nobody waiting says only that it
is at least as fast. Pure: the time is an argument.
"""

from __future__ import annotations

__all__ = ["INTERVAL_S", "Drain"]

#: Seconds of one measurement: several sections of slow tasks.
INTERVAL_S = 0.05
#: Weight of the newest measurement: a change is known within a quarter of a second.
WEIGHT = 0.3
#: Seconds after which a rate is forgotten: the queue that it was measured on is long gone.
FORGET_S = 10.0


class Drain:
    """The rate of one queue."""

    __slots__ = ("_began_s", "_count", "_is_full", "_rate", "_seen_s")

    def __init__(self) -> None:
        self._rate: float | None = None
        self._began_s = self._seen_s = 0.0
        self._count = 0
        #: Whether somebody waited since the interval began.
        self._is_full = False

    def left(self, count: int, waiting: int, now_s: float) -> None:
        """Some tasks left the queue. waiting: those that are still in it."""
        if now_s - self._seen_s > FORGET_S:
            self._rate = None
            self._begin(now_s)
        self._seen_s = now_s
        elapsed_s = now_s - self._began_s
        if self._is_full and elapsed_s >= INTERVAL_S:
            measured = (self._count + count) / elapsed_s
            self._rate = measured if self._rate is None else self._rate + WEIGHT * (measured - self._rate)
            self._begin(now_s)
        elif not self._is_full:
            self._begin(now_s)
        else:
            self._count += count
        self._is_full = waiting > 0

    def _begin(self, now_s: float) -> None:
        self._began_s, self._count = now_s, 0

    def rate(self, now_s: float) -> float | None:
        """Tasks a second; None where that is not known.

        Where less left since than should have, it is what that comes to: a queue that stands has no rate of its own.
        """
        rate = self._rate
        elapsed_s = now_s - self._began_s
        if rate is None or now_s - self._seen_s > FORGET_S:
            return None
        if self._is_full and elapsed_s > 4 * INTERVAL_S:
            rate = min(rate, max(self._count, 1) / elapsed_s)
        return rate

    def wait_s(self, ahead: int, now_s: float) -> float | None:
        """Seconds until a task with so many before it leaves; None where that is not known."""
        rate = self.rate(now_s)
        return None if rate is None else ahead / rate
