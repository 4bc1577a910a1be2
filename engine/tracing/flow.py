"""The life of accepted tasks as parts of traces: from their acceptance until their end is written down.

Owns the spans of those that are open. A trace does not outlive the engine: what is offered again by the next one is part of
none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from engine.task import Ending, Task
from engine.taskflow import TaskFlow
from pools.span import CONSUMER, INTERNAL, Open, Parent, Tracer
from sprints.listeners import Listeners

__all__ = ["SUBMITTED", "TracedFlow", "flow_with"]

#: What the submission is a part of that is being accepted.
SUBMITTED: ContextVar[Parent | None] = ContextVar("SUBMITTED", default=None)


class _Life:
    """The spans of one task. whole: from acceptance to end.  queue, commit: the parts of it that are under way."""

    __slots__ = ("commit", "queue", "whole")

    def __init__(self, whole: Open, queue: Open | None) -> None:
        self.whole = whole
        self.queue = queue
        self.commit: Open | None = None


class TracedFlow(TaskFlow):
    """As every flow, and it records spans. tracer: begins them."""

    def __init__(self, tracer: Tracer, listeners: Listeners, id_of: Callable[[int], str], wall_s: Callable[[], float]) -> None:
        super().__init__(listeners, id_of, wall_s)
        self._tracer = tracer
        self._lives: dict[int, _Life] = {}

    @property
    def is_heard(self) -> bool:
        """It is."""
        return True

    def validated(self, tasks: Iterable[Task]) -> None:
        """They are tasks that can be accepted."""
        tasks = list(tasks)
        super().validated(tasks)
        parent = SUBMITTED.get()
        for task in tasks:
            kind, facts = self._facts(task)
            whole = self._tracer.begin("accept", CONSUMER, parent, kind, **facts)
            if whole is not None:
                queue = self._tracer.begin("queue", INTERNAL, whole.place, kind, **facts)
                self._lives[task.number] = _Life(whole, queue)

    def _facts(self, task: Task) -> tuple[str, dict[str, str]]:
        kind, _, key = task.agent.partition("/")
        return kind, {"agent": task.agent if key else "", "method": task.method, "task": self._id_of(task.number)}

    def leave(self, task: Any) -> str | None:
        """The traceparent of a task that leaves for its worker; each attempt has waited in a span of its own."""
        life = None if task is None else self._lives.get(task.number)
        if life is None:
            return None
        if life.queue is None:
            kind, facts = self._facts(task)
            life.queue = self._tracer.begin("queue", INTERNAL, life.whole.place, kind, **facts)
        queue, life.queue = life.queue, None
        if queue is None:
            return None
        queue.end()
        return str(queue.place)

    def judged(self, endings: Iterable[Ending]) -> None:
        """What became of them is known."""
        endings = list(endings)
        super().judged(endings)
        for end in endings:
            life = self._lives.get(end.task.number)
            if life is not None:
                kind, facts = self._facts(end.task)
                life.commit = self._tracer.begin("commit", INTERNAL, life.whole.place, kind, task=facts["task"])

    def kept(self, endings: Iterable[Ending]) -> None:
        """That is written down."""
        endings = list(endings)
        super().kept(endings)
        for end in endings:
            life = self._lives.pop(end.task.number, None)
            if life is None:
                continue
            for part in (life.queue, life.commit):
                if part is not None:
                    part.end()
            life.whole.end("" if end.error is None else f"{end.error.type}: {end.error.message}")


def flow_with(tracer: Tracer | None) -> Callable[..., TaskFlow]:
    """What makes the flow of an engine's accepted tasks."""
    if tracer is None:
        return TaskFlow

    def made(listeners: Listeners, id_of: Callable[[int], str], wall_s: Callable[[], float] = time.time) -> TaskFlow:
        return TracedFlow(tracer, listeners, id_of, wall_s)

    return made
