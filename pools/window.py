"""How much a count has grown within the last seconds.

Owns the looks at it that are remembered: as many as there were in the window, and one before it.
"""

from __future__ import annotations

from collections import deque

__all__ = ["WINDOW_S", "Window"]

#: Seconds of the usual sliding window: rates are per minute.
WINDOW_S = 60.0


class Window:
    """The growth of a count that began at 0. seconds: how far back it is looked at."""

    def __init__(self, seconds: float = WINDOW_S) -> None:
        self.seconds = seconds
        self._seen: deque[tuple[float, float]] = deque()

    def look(self, total: float, now_s: float) -> None:
        """Note a count. now_s: monotonic seconds, never less than before."""
        self._seen.append((now_s, total))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - self.seconds:
            self._seen.popleft()

    def grown(self, total: float, now_s: float) -> float:
        """By how much a count is larger than it was at the last look that is a window ago; exact to the time between two."""
        return max(total - self._before(now_s)[1], 0)

    def rate(self, total: float, now_s: float, began_s: float) -> float | None:
        """The same by the second, over the time since that look; None where there is none. began_s: when the count was 0."""
        at_s, before = self._before(now_s)
        passed_s = now_s - max(at_s, began_s)
        return max(total - before, 0) / passed_s if passed_s > 0 else None

    def _before(self, now_s: float) -> tuple[float, float]:
        found = float("-inf"), 0.0
        for seen in self._seen:
            if seen[0] > now_s - self.seconds:
                break
            found = seen
        return found
