"""How far tasks say that they are, on its way from a worker to who has sent them.

Owns how often that is told. It is a word, no promise: it leaves at once, whatever was kept by then, the newest one counts, and
what comes after a task's end is nobody's. Who never says how far it is pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from pools.again import Wire
from pools.job import Waiting
from pools.message import STATUS

__all__ = ["MILLION", "PROGRESS_S", "PROGRESS_TASKS", "Progress"]

#: Seconds between two messages about it: a person does not look more often, and ten in a second cost a worker nothing.
PROGRESS_S = 0.1
#: Tasks of one message; of more, those that said it last: most of the others have ended by then.
PROGRESS_TASKS = 1_024
#: Parts in which it is told by a process of its own, over a gauge.
MILLION = 1_000_000


class Progress:
    """What the tasks of a worker say. wire: to the engine, one that waits for no disk.

    clock: monotonic seconds.  later: calls a function after some seconds.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float], later: Callable[[float, Callable[[], None]], object]) -> None:
        self._wire = wire
        self._clock = clock
        self._later = later
        #: By section and position of the task, the newest word last.
        self._newest: dict[tuple[int, int], float] = {}
        self._next_s = 0.0
        self._is_due = False

    def note(self, task: Waiting, fraction: float) -> None:
        """A task says how far it is, 0 to 1. One that an agent sent is heard by nobody: only senders outside show it."""
        job, position = task.job, task.position
        if not job.number & 1:
            return
        place = job.number, position if job.places is None else job.places[position]
        newest = self._newest
        newest.pop(place, None)
        newest[place] = fraction
        if len(newest) > PROGRESS_TASKS:
            del newest[next(iter(newest))]
        now_s = self._clock()
        if now_s >= self._next_s:
            self._tell(now_s)
        elif not self._is_due:
            self._is_due = True
            self._later(self._next_s - now_s, self._due)

    def _due(self) -> None:
        self._is_due = False
        if self._newest:
            self._tell(self._clock())

    def _tell(self, now_s: float) -> None:
        """Tell it now, not when the loop turns next: a method that is not async keeps it from turning."""
        self._next_s = now_s + PROGRESS_S
        said = [[*place, fraction] for place, fraction in self._newest.items()]
        self._newest.clear()
        self._wire.send(STATUS, {"verb": "progress", "tasks": said})
