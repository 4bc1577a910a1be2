"""How many agents of a worker have a task queued: sampled from time to time, never counted by the task.

Owns the gauge of queued agents and the pace of its samples. Agents whose task waits have a gauge of their own, kept by `turns`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from pools.gauges import QUEUED

if TYPE_CHECKING:
    from pools.address import Key
    from pools.job import Job
    from pools.residents import Residents

__all__ = ["Crowd"]

#: Nanoseconds between two samples while a worker runs, and for one that was idle: what has come since is looked at soon.
PACE_NS, IDLE_PACE_NS = 250_000_000, 10_000_000
#: Nanoseconds that a queued task costs a sample at most, and how many times as long as it took the next one waits: all of
#: them have 1/200 of the worker's time.
TASK_NS, REST = 100, 200


class Crowd:
    """The agents that are queued. cells: the worker's row of gauges."""

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._idle_due_ns = 0
        #: When the next sample is due.
        self.due_ns = 0
        cells[QUEUED] = 0

    def look(self, jobs: Iterable[Job], tasks: int, now_ns: int) -> None:
        """Count the agents of these jobs. tasks: how many they have.  now_ns: monotonic nanoseconds."""
        self._cells[QUEUED] = queued(jobs)
        rest_ns = tasks * TASK_NS * REST
        self.due_ns, self._idle_due_ns = now_ns + max(PACE_NS, rest_ns), now_ns + max(IDLE_PACE_NS, rest_ns)

    def emptied(self) -> None:
        """Nothing is queued any more; what comes next is looked at soon."""
        self._cells[QUEUED] = 0
        self.due_ns = self._idle_due_ns


def queued(jobs: Iterable[Job]) -> int:
    """The agents with tasks in these jobs, each once, of which none waits in a task already: those are counted otherwise."""
    seen: dict[str, tuple[Residents, set[Key]]] = {}
    for job in jobs:
        residents = job.residents
        if residents is not None:
            _, keys = seen.setdefault(residents.kind.name, (residents, set()))
            keys.update(islice(job.keys, job.next, None))
    return sum(len(keys.difference(residents.busy)) if residents.busy else len(keys) for residents, keys in seen.values())
