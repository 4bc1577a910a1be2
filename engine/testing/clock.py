"""Time that passes only when a test says so.

Owns what the time is, for everything that runs in the simulation: loops, the engine's own clocks, and agents that read
`time.time()` or `time.monotonic()`. Outside of it time goes on as ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["BEGIN_S", "Clock"]

#: When a simulation begins, in seconds since 1970, where nothing else is said: 2030-01-01, the same for each run.
BEGIN_S = 1_893_456_000.0


class Clock:
    """The time of a simulation. begin_s: seconds since 1970."""

    def __init__(self, begin_s: float = BEGIN_S) -> None:
        self._begin_s = begin_s
        #: Seconds since the simulation began.
        self.now_s = 0.0

    def wall_s(self) -> float:
        """Seconds since 1970."""
        return self._begin_s + self.now_s

    def monotonic_s(self) -> float:
        """Seconds of the monotonic clock, which has never been at 0."""
        return 1_000.0 + self.now_s

    @contextmanager
    def told(self) -> Iterator[None]:
        """Have this time told by the functions of `time` within the block."""
        real = time.time, time.time_ns, time.monotonic, time.monotonic_ns
        time.time, time.monotonic = self.wall_s, self.monotonic_s
        time.time_ns = lambda: round(self.wall_s() * 1e9)
        time.monotonic_ns = lambda: round(self.monotonic_s() * 1e9)
        try:
            yield
        finally:
            time.time, time.time_ns, time.monotonic, time.monotonic_ns = real
