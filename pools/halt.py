"""The tasks that a worker does not begin while its pool is paused.

Owns what of a worker's work waits then, and its order: tasks from outside. What agents ask and tell each other goes on, since a
task that runs may wait for it, and is to end. Which pool is paused is decided in the engine's process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pools.address import Key
from pools.errors import TaskCancelled, failure_of
from pools.job import OVER, Job
from pools.ranked import Ranked
from pools.residents import Residents
from pools.turns import Turns

__all__ = ["Halt"]


class Halt:
    """The halt of one worker's run loop. queue: what it takes next.  go_on: has it look there again."""

    def __init__(self, queue: Ranked[Job], turns: Turns, go_on: Callable[[], None]) -> None:
        self._queue = queue
        self._turns = turns
        self._go_on = go_on
        self.is_on = False
        self._jobs: list[Job] = []
        #: What the engine may order.
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {"pause": self.begin, "resume": self.end}

    def begin(self, _order: dict[str, Any]) -> int:
        """Begin no task from outside from now on; returns how many sections of such wait."""
        self.is_on = self._turns.is_halted = True
        for job in [job for job in self._queue if job.is_outer]:
            self._queue.remove(job, job.priority)
            self._jobs.append(job)
        return len(self._jobs)

    def end(self, _order: dict[str, Any]) -> int:
        """Begin them again, in the order in which they came; returns how many sections have waited."""
        self.is_on = self._turns.is_halted = False
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            self._queue.put(job, job.priority)
        self._turns.go_on()
        self._go_on()
        return len(jobs)

    def takes(self, job: Job) -> bool:
        """Have a job wait, if it is one of those that do; returns whether it does."""
        if job.is_outer:
            self._jobs.append(job)
        return job.is_outer

    def asked(self, residents: Residents) -> set[Key]:
        """The agents of a kind that have tasks which were not begun."""
        jobs = (job for job in (*self._queue, *self._jobs) if job.residents is residents)
        return {key for job in jobs for key in job.keys[job.next :]}

    def cancel(self, numbers: frozenset[int], position: int | None) -> int:
        """Take back tasks of some sections that wait here, which are answered at once; returns how many are not to run."""
        failure = failure_of(TaskCancelled("cancelled before it began"))
        over = 0
        for job in [job for job in self._jobs if job.number in numbers]:
            if position is None:
                places = [job.next + at for at, (_, method, _) in enumerate(job.unread()) if method is not OVER]
                self._jobs.remove(job)
                over += job.count - job.next
            else:
                at = job.cancel(position, OVER)
                places = [] if at is None else [at]
            if places:
                errors = [[index, *failure] for index in range(len(places))]
                job.answers.answer_at(job.number, places, [None] * len(places), errors)
                job.answers.flush()
        return over
