"""How many tasks may begin in a time: a bucket of tokens.

Owns one count. It never gives more than `rate x t + burst` within any t seconds. Pure: the time is an argument.
"""

from __future__ import annotations

__all__ = ["Bucket"]


class Bucket:
    """Tokens that come at a rate, as many as fit.

    rate: tokens a second, above 0.  burst: as many are there at first and at most, at least 1.  now_s: monotonic seconds.
    Source: J. Turner, New directions in communications (1986), the leaky bucket as a meter.
    """

    __slots__ = ("_at_s", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at_s = now_s

    def _fill(self, now_s: float) -> None:
        if now_s > self._at_s:
            self._tokens = min(self.burst, self._tokens + (now_s - self._at_s) * self.rate)
            self._at_s = now_s

    def room(self, now_s: float) -> int:
        """Whole tokens that are there."""
        self._fill(now_s)
        return int(self._tokens)

    def take(self, count: int, now_s: float) -> int:
        """Take up to so many; returns how many were there."""
        taken = min(count, self.room(now_s))
        self._tokens -= taken
        return taken

    def wait_s(self, count: int, now_s: float) -> float:
        """Seconds until so many are there, or the bucket is full."""
        self._fill(now_s)
        return max(min(count, self.burst) - self._tokens, 0.0) / self.rate
