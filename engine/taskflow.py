"""The flow `task-execution`: the way of an accepted task through the engine, told step by step to those who listen.

Owns the names of its steps and what is told of each. It runs nothing itself: those who do a step ask `is_heard` once for the
tasks that they have in hand together, and tell of them only then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from engine.task import Ending, Task
from pools.tracedlane import Leave
from sprints.listeners import Listeners, Stepped

__all__ = ["SILENT", "STEPS", "TASK_EXECUTION", "TaskFlow"]

TASK_EXECUTION = "task-execution"
#: Checked and about to be written down; its agent is known, it waits for room there; sent to its worker, once more with each
#: attempt; its answer, or why there is none, is there; that is written down, and counts.
STEPS = ("validateTask", "assignAgent", "executeTask", "validateResult", "checkpoint")
_NAMES = _VALIDATE, _ASSIGN, _EXECUTE, _JUDGE, _CHECKPOINT = tuple(f"{TASK_EXECUTION}:{step}" for step in STEPS)


class TaskFlow:
    """Tells listeners of tasks. id_of: what the task of a number is called."""

    #: As for `pools.tracedlane.TracedLane`, where what it is told is part of traces.
    leave: Leave | None = None

    def __init__(self, listeners: Listeners, id_of: Callable[[int], str], wall_s: Callable[[], float] = time.time) -> None:
        self._listeners = listeners
        self._id_of = id_of
        self._wall_s = wall_s

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens to one of its steps."""
        return self._listeners.is_heard and self._listeners.hears(_NAMES)

    def validated(self, tasks: Iterable[Task]) -> None:
        """They are tasks that can be accepted."""
        self._tell(_VALIDATE, tasks)

    def assigned(self, tasks: Iterable[Task]) -> None:
        """It is known which agents do them."""
        self._tell(_ASSIGN, tasks)

    def executed(self, tasks: Iterable[Task]) -> None:
        """They are on their way to their workers."""
        self._tell(_EXECUTE, tasks)

    def judged(self, endings: Iterable[Ending]) -> None:
        """What became of them is known. ran_s: since their last attempt was sent."""
        self._tell_ends(_JUDGE, endings)

    def kept(self, endings: Iterable[Ending]) -> None:
        """That is written down. ran_s: since they were accepted."""
        self._tell_ends(_CHECKPOINT, endings)

    def _tell(self, name: str, tasks: Iterable[Task]) -> None:
        now_s = self._wall_s()
        for task in tasks:
            self._listeners.tell(Stepped(name, now_s, subject=self._id_of(task.number)))

    def _tell_ends(self, name: str, endings: Iterable[Ending]) -> None:
        now_s = self._wall_s()
        for end in endings:
            began_s = end.task.accepted_s if name == _CHECKPOINT else end.task.started_s
            ran_s = None if began_s is None else max(now_s - began_s, 0.0)
            error = None if end.error is None else f"{end.error.type}: {end.error.message}"
            self._listeners.tell(Stepped(name, now_s, ran_s, self._id_of(end.task.number), error))


#: Tells nobody.
SILENT = TaskFlow(Listeners(), str)
