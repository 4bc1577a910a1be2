"""How one worker goes: for how long it runs tasks, and how often its loop turns.

Owns what follows from its gauges over a while. It asks nobody.
"""

from __future__ import annotations

from pools.gauges import BUSY_NS, BUSY_SINCE_NS, TICKS
from pools.window import Window

__all__ = ["Pace"]


class Pace:
    """The pace of a worker. cells: its row of gauges.  seconds: of the window in which its shares are measured."""

    def __init__(self, cells: memoryview, seconds: float) -> None:
        self._cells = cells
        self._since_ns = 0
        self._seen_s = self._began_s = 0.0
        #: Seconds in which it ran tasks.
        self.busy_s = cells[BUSY_NS] / 1e9
        self._first_s, self._first_ticks = self.busy_s, cells[TICKS]
        self._busy, self._ticks = Window(seconds), Window(seconds)

    def look(self, now_s: float) -> None:
        """Note how it stands. now_s: monotonic seconds.

        Its gauge grows when a run of tasks ends; of one that goes on since the last look the time between the two counts now.
        """
        since_ns, told_s = self._cells[BUSY_SINCE_NS], self._cells[BUSY_NS] / 1e9
        if since_ns and since_ns == self._since_ns:
            self.busy_s = max(self.busy_s + now_s - self._seen_s, told_s)
        else:
            self.busy_s = max(self.busy_s, told_s)
        self._began_s = self._began_s or now_s
        self._since_ns, self._seen_s = since_ns, now_s
        self._busy.look(self.busy_s - self._first_s, now_s)
        self._ticks.look(self._cells[TICKS] - self._first_ticks, now_s)

    def busy(self) -> float | None:
        """The share of time in which it ran tasks; None before it was looked at twice."""
        rate = self._busy.rate(self.busy_s - self._first_s, self._seen_s, self._began_s)
        return None if rate is None else round(min(rate, 1.0), 4)

    def ticks_per_s(self) -> float | None:
        """Turns of its run loop in a second; None before it was looked at twice."""
        rate = self._ticks.rate(self._cells[TICKS] - self._first_ticks, self._seen_s, self._began_s)
        return None if rate is None else round(rate, 1)
