"""Tasks on their way through a worker: a section as a job, and a busy agent's turn.

Owns the reading of task sections. What is run when is the executor's business.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any, Protocol

from pools.address import Key
from pools.agent import Agent
from pools.errors import BadFrame, PoolError, UnknownKind
from pools.method import Method
from pools.residents import Residents

__all__ = ["Answers", "Error", "Job", "Turn", "read_job"]

#: A failure in a result section: [index in its values, type, message, retry_after_s].
Error = list[Any]


class Answers(Protocol):
    """Where a job's answers go."""

    def answer(self, number: int, first: int, results: list[Any], errors: list[Error]) -> None:
        """Take the results of the positions first, first + 1, …; an error is [index in results, type, message, retry]."""
        ...

    def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Error]) -> None:
        """Take the results of some positions."""
        ...

    def flush(self) -> None:
        """Send what was taken."""
        ...


class Job:
    """One section of tasks, for agents of one kind."""

    __slots__ = ("answers", "count", "error", "next", "number", "residents", "rows")

    def __init__(
        self,
        number: int,
        residents: Residents | None,
        rows: Iterator[tuple[Key, Method | None, Any]],
        count: int,
        answers: Answers,
    ) -> None:
        self.number = number
        self.residents = residents
        self.rows = rows
        self.count = count
        self.answers = answers
        self.next = 0
        #: Why the rest is not run.
        self.error: PoolError | None = None


class Turn:
    """A busy agent: its unfinished task, and the tasks behind it."""

    __slots__ = ("agent", "job", "mailbox", "position", "task")

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.job: Job | None = None
        self.position = 0
        self.task: asyncio.Task[None] | None = None
        self.mailbox: deque[tuple[Job, int, Method, Any]] = deque()


def read_job(section: dict[str, Any], kinds: Mapping[str, Residents], answers: Answers) -> Job:
    """The job that a task section describes. Raises BadFrame for columns that do not fit each other."""
    try:
        number, kind, keys, names = section["n"], section["k"], section["i"], section["m"]
        count = len(keys)
        arguments = section.get("a")
        if arguments is not None and len(arguments) != count:
            raise BadFrame(f"section {number}: {count} keys, {len(arguments)} arguments")
        residents = kinds.get(kind)
        methods = {} if residents is None else residents.kind.methods
        column: Any
        if type(names) is str:
            column = repeat(methods.get(names), count)
        else:
            table = [methods.get(name) for name in names[0]]
            if len(names[1]) != count or (count and not 0 <= min(names[1]) <= max(names[1]) < len(table)):
                raise BadFrame(f"section {number}: the methods do not fit its {count} keys")
            column = map(table.__getitem__, names[1])
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise BadFrame(f"a section of tasks with a bad column: {error!r}") from error
    rows = zip(keys, column, repeat(None, count) if arguments is None else arguments, strict=True)
    job = Job(number, residents, rows, count, answers)
    if residents is None:
        job.error = UnknownKind(f"no kind {kind!r} here; it has {', '.join(sorted(kinds)) or 'none'}")
    return job
