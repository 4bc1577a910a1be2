"""How many tasks a worker may have at once: as many as pay.

Owns one number, found from what the worker's answers took. A worker that is not busy gets more; one that is busy keeps what
it works off within QUEUE_S beyond the time that a task takes at the least: more would wait there, where nothing can pass it,
and is no faster. Pure: times and counts in, a number out.

A section's time holds the time of the tasks beside it, by design, so time alone says nothing: what counts is how long the queue
at the worker is in seconds, and whether its processor is the reason. Agents that wait for something else leave it idle.

Source: Netflix concurrency-limits, VegasLimit: queue = limit x (1 - least / now); the size to go to is rate x least plus what
may wait, as in BBR (Cardwell et al. 2016), since a queue in tasks would be too short for small ones, too long for large ones.
"""

from __future__ import annotations

__all__ = ["FLOOR", "PERIOD_S", "QUEUE_S", "Concurrency"]

#: Tasks that a worker may have in any case: enough to be busy while an answer is under way.
FLOOR = 16
#: Seconds between two decisions: several sections long, and short against what a person notices.
PERIOD_S = 0.1
#: Seconds of work that may wait at a worker. No-op tasks fill a whole window in a third of it, so they are never held back.
QUEUE_S = 0.02
#: Share of the time that a process runs, or could if it got a processor, from which it is busy.
BUSY = 0.85
#: Seconds for which the least time is remembered: half as long at the least, so that a kind that became slow is seen.
LEAST_S = 10.0
#: What is tried then, of what the worker has at the least time, which costs it a hundredth of its time; periods at the most.
#: Source: BBR, ProbeRTT.
PROBE, PROBES = 0.5, 10
#: What the limit is multiplied by: where the worker is idle, where its queue is short; and what it falls to at once at most.
IDLE_GAIN, SHORT_GAIN, MOST_FALL = 2.0, 1.25, 0.5


class Concurrency:
    """The limit of one worker. window: the most.  now_s: monotonic seconds."""

    def __init__(self, window: int, now_s: float, floor: int = FLOOR) -> None:
        self.window = window
        self.floor = min(floor, window)
        self.limit = window
        #: Tasks answered a second, and the seconds they took, in the last period.
        self.rate = self.mean_s = 0.0
        self._least_s = self._newest_s = float("inf")
        self._turn_s = now_s + LEAST_S / 2
        self._count = 0
        self._sum_s = 0.0
        self._began_s = now_s
        #: Periods for which it is tried how long a task takes at the least, and the limit after them.
        self._probes = 0
        self._kept = window

    def answered(self, count: int, seconds: float) -> None:
        """Some tasks came back, each so many seconds after it was sent."""
        self._count += count
        self._sum_s += count * seconds
        if seconds < self._newest_s:
            self._newest_s = seconds

    def is_due(self, now_s: float) -> bool:
        """Whether it is time to decide."""
        return now_s - self._began_s >= PERIOD_S

    def decide(self, busy: float, now_s: float) -> int:
        """The limit from now on. busy: share of the time since the last decision that the worker ran, or could have run."""
        elapsed_s = max(now_s - self._began_s, 1e-6)
        count, sum_s = self._count, self._sum_s
        self._began_s, self._count, self._sum_s = now_s, 0, 0.0
        if self._probes:
            self._probes -= 1
            self.limit = self.limit if self._probes else self._kept
            return self.limit
        self.rate = count / elapsed_s
        self.mean_s = sum_s / count if count else 0.0
        if now_s >= self._turn_s:
            self._turn_s = now_s + LEAST_S / 2
            self._least_s, self._newest_s = self._newest_s, float("inf")
            if self.limit < self.window and count:
                return self._probe()
        if busy < BUSY:
            self.limit = self._within(self.limit * IDLE_GAIN)
        elif count:
            least_s = min(self._least_s, self._newest_s, self.mean_s)
            queue_s = self.mean_s - least_s
            if queue_s > QUEUE_S:
                self.limit = self._within(max(self.rate * (least_s + QUEUE_S), self.limit * MOST_FALL), self.limit)
            elif queue_s < QUEUE_S / 2:
                self.limit = self._within(self.limit * SHORT_GAIN + 1)
        return self.limit

    def _probe(self) -> int:
        """For some periods have so few under way that none waits: a queue that is always there passes for the least time."""
        self._probes = min(1 + int(2 * self.mean_s / PERIOD_S), PROBES)
        self._kept = self.limit
        self.limit = self._within(PROBE * self.rate * min(self._least_s, self.mean_s), self.limit)
        return self.limit

    def _within(self, limit: float, most: int | None = None) -> int:
        return max(self.floor, min(int(limit), self.window if most is None else most))
