"""The time of a sprint: a monotonic clock, so many times as fast as that of the machine.

Owns nothing but the factor. A sprint that ran before goes on behind the seconds that it had; the clock on the wall has no part.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from sprints.errors import BadBacklog

__all__ = ["FASTEST", "Clock"]

#: The highest speed: 15 minutes in a millisecond. Beyond it the machine's own clock has no more to tell.
FASTEST = 1e6


class Clock:
    """Seconds of the sprint since this was made. speed: above 0, up to FASTEST.  Raises BadBacklog."""

    def __init__(self, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if type(speed) not in (int, float) or not (math.isfinite(speed) and 0 < speed <= FASTEST):
            raise BadBacklog(f"a speed is a number above 0, up to {FASTEST:,.0f}, not {speed!r:.40}", key="speed")
        self.speed = speed
        self._monotonic = monotonic
        self._zero_s = monotonic()

    def now_s(self) -> float:
        """How long it runs."""
        return (self._monotonic() - self._zero_s) * self.speed

    def until_s(self, due_s: float) -> float:
        """Seconds of the machine's clock until then; 0 where it is past."""
        return max((due_s - self.now_s()) / self.speed, 0.0)
