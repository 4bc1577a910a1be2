"""Whether a worker hangs: decided from what its gauges say, nothing else.

Owns the two findings about a loop that does not turn: a task that computes on and on, and one that sits in a call of its own.
Both are measured on the worker's own clock, so that a starved machine convicts nobody. It reads no process and ends none.
"""

from __future__ import annotations

from collections.abc import Callable

from pools.gauges import BUSY_SINCE_NS, pulse_of

__all__ = ["HANG_S", "LOOK_S", "SPINS", "STALLS", "Heartbeat"]

#: Seconds of a worker's own processor time, or of standing still in a call, after which its task hangs.
HANG_S = 1.0
#: Seconds between two looks.
LOOK_S = 0.1
#: Seconds without a look after which nothing is concluded from what was seen before: it was us who stood still.
BLIND_S = 0.5
#: The findings.
SPINS, STALLS = "spins", "stalls"


class Heartbeat:
    """What was seen of one worker process. cells: its row of gauges."""

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        #: Of the task that was looked at last.
        self.pulse: int | None = None
        self._looked_s = 0.0
        self._stood_s = 0.0
        self._cpu_s = 0.0

    def look(
        self, now_s: float, cpu_s: Callable[[], float], is_asleep: Callable[[], bool], limit_s: float = HANG_S
    ) -> str | None:
        """SPINS or STALLS where the task that runs now has run or stood still for limit_s seconds, else None.

        now_s: monotonic.  cpu_s: the processor time of the process so far.  is_asleep: whether its main thread waits in the
        kernel, for something other than a processor or a disk. Both are called only while one task lasts.
        """
        since_s, self._looked_s = now_s - self._looked_s, now_s
        if not self._cells[BUSY_SINCE_NS]:
            self.pulse = None
            return None
        pulse = pulse_of(self._cells)
        if pulse != self.pulse or since_s > BLIND_S:
            self.pulse = pulse
            self._cpu_s = cpu_s()
            self._stood_s = 0.0
            return None
        if cpu_s() - self._cpu_s >= limit_s:
            return SPINS
        self._stood_s = self._stood_s + since_s if is_asleep() else 0.0
        return STALLS if self._stood_s >= limit_s else None
