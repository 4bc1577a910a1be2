"""Tasks on their way through a worker: a section as a job, and a busy agent's turn.

Owns the reading of task sections. What is run when is the executor's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pools.address import Key
from pools.agent import Agent
from pools.context import Context
from pools.errors import BadFrame, PoolError, TaskCancelled, UnknownKind
from pools.mailbox import Mailbox
from pools.method import Method
from pools.ranked import CRITICAL, LOW, NORMAL
from pools.residents import Residents

if TYPE_CHECKING:
    from pools.context import Context

__all__ = [
    "CANCELLED", "DRIVEN", "OVER", "TOO_OLD", "Alone", "Answers", "Counted", "Error", "Job", "Known", "Turn", "Waiting",
    "Worn", "read_job", "traced",
]  # fmt: skip

#: A failure in a result section: [index in its values, type, message, retry_after_s].
Error = list[Any]


def _nothing(_agent: Agent) -> None:
    """What a cancelled task does."""


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

    __slots__ = (
        "answers", "count", "error", "keys", "name_of", "next", "number", "numbers", "places", "priority", "residents", "rows",
        "session",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        residents: Residents | None,
        keys: Sequence[Key],
        rows: Iterator[tuple[Key, Method | None, Any]],
        answers: Answers,
    ) -> None:
        self.number = number
        self.residents = residents
        self.keys = keys
        self.rows = rows
        self.count = len(keys)
        self.answers = answers
        self.next = 0
        #: Which of the jobs that wait goes first.
        self.priority = NORMAL
        #: The positions of its tasks in the section, where it is a part of one that is sent again.
        self.places: Sequence[int] | None = None
        #: The session of a sender that numbers its tasks itself, with their numbers.
        self.session: str | None = None
        self.numbers: Sequence[int] = ()
        #: Gives a task's own name, by its position, where it came in no frame.
        self.name_of: Callable[[int], str] | None = None
        #: Why the rest is not run.
        self.error: PoolError | None = None

    @property
    def is_outer(self) -> bool:
        """Whether it came from outside: sections that agents send have even numbers, or 0."""
        return bool(self.number & 1)

    def unread(self) -> Sequence[tuple[Key, Method | None, Any]]:
        """The tasks that have not been run."""
        rows = list(self.rows)
        self.rows = iter(rows)
        return rows

    def cancel(self, position: int | None, instead: Method | None = None) -> int | None:
        """Do not run what has not been run: everything, or the task at a position, where it is then in this job.

        instead: what stands for that task; None for one that is answered when its turn comes.
        """
        if position is None:
            self.error = TaskCancelled("cancelled before it began")
            return None
        rows = list(self.rows)
        if self.places is not None:
            position = self.places.index(position) if position in self.places else -1
        at = position - self.next
        is_there = 0 <= at < len(rows) and rows[at][1] is not OVER
        if is_there:
            rows[at] = (rows[at][0], instead or CANCELLED, rows[at][2])
        self.rows = iter(rows)
        return position if is_there else None


class Waiting(NamedTuple):
    """One task that has not ended, wherever it waits."""

    job: Job
    position: int
    method: Method | None
    argument: Any


#: The async task in whose context something runs, also in what it has made: tasks of its own, and threads that know of it.
DRIVEN: ContextVar[Waiting | None] = ContextVar("DRIVEN", default=None)


class Turn:
    """A busy agent: its unfinished task, and the tasks behind it.

    has_begun: whether the unfinished task's coroutine runs.  is_alone: whether it runs in a process of its own.
    context: of that task, None where it wants none.  is_draining: whether the mailbox is being worked off now.
    is_removed: whether the agent was removed meanwhile.  began_ns: when the unfinished task began, monotonic.
    """

    __slots__ = (
        "agent", "began_ns", "context", "has_begun", "is_alone", "is_draining", "is_removed", "mailbox", "running", "task",
    )  # fmt: skip

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.running: Waiting | None = None
        self.has_begun = False
        self.is_alone = False
        self.is_draining = False
        self.is_removed = False
        self.task: asyncio.Task[None] | None = None
        self.began_ns = 0
        self.context: Context | None = None
        self.mailbox: Mailbox[Waiting] = Mailbox()


class Known(Method):
    """Stands for the method of a task that was done before: its value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        super().__init__("known", _nothing, (), wants_context=False)
        self.value = value


class Worn(Method):
    """Stands for the method of a task that takes the long way, and says why.

    is_alone: it runs in a process of its own.  is_counted: its effects are.  parent: the span that it is a part of, as it came.
    """

    __slots__ = ("is_alone", "is_counted", "method", "parent")

    def __init__(self, method: Method, *, is_alone: bool = False, is_counted: bool = False, parent: str = "") -> None:
        super().__init__(method.name, method.function, method.parameters, wants_context=method.wants_context)
        worn = method if isinstance(method, Worn) else None
        self.method: Method = method if worn is None else worn.method
        self.is_alone: bool = is_alone or (worn is not None and worn.is_alone)
        self.is_counted: bool = is_counted or (worn is not None and worn.is_counted)
        self.parent: str = parent or ("" if worn is None else worn.parent)


class Alone(Worn):
    """Stands for the method of a task that runs in a process of its own: the one it ran in before has ended with it."""

    __slots__ = ()

    def __init__(self, method: Method) -> None:
        super().__init__(method, is_alone=True)


class Counted(Worn):
    """Stands for the method of a task whose effects are counted: it takes the long way."""

    __slots__ = ()

    def __init__(self, method: Method) -> None:
        super().__init__(method, is_counted=True)


#: Stands for the method of a task that was cancelled before it ran.
CANCELLED = Method("cancelled", _nothing, (), wants_context=False)
#: Stands for the method of a task that was answered before its turn came.
OVER = Method("over", _nothing, (), wants_context=False)
#: Stands for the method of a task whose answer, if it had one, is not kept any more.
TOO_OLD = Method("too old", _nothing, (), wants_context=False)


def read_job(section: dict[str, Any], kinds: Mapping[str, Residents], answers: Answers) -> Job:
    """The job that a task section describes. Raises BadFrame for columns that do not fit each other."""
    try:
        number, kind, keys, names = section["n"], section["k"], section["i"], section["m"]
        count = len(keys)
        arguments = section.get("a")
        if arguments is not None and len(arguments) != count:
            raise BadFrame(f"section {number}: {count} keys, {len(arguments)} arguments")
        priority = section.get("pr", NORMAL)
        if type(priority) is not int or not LOW <= priority <= CRITICAL:
            raise BadFrame(f"section {number}: a priority is a number from {LOW} to {CRITICAL}")
        residents = kinds.get(kind)
        methods = {} if residents is None else residents.kind.methods
        if section.get("fx"):
            called = (names,) if type(names) is str else names[0]
            methods = {name: Counted(methods[name]) for name in called if name in methods}
        column: Any
        if type(names) is str:
            column = repeat(methods.get(names), count)
        else:
            table = [methods.get(name) for name in names[0]]
            if len(names[1]) != count or not frozenset(range(len(table))).issuperset(names[1]):
                raise BadFrame(f"section {number}: the methods do not fit its {count} keys")
            column = map(table.__getitem__, names[1])
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise BadFrame(f"a section of tasks with a bad column: {error!r}") from error
    if "tp" in section:
        column = traced(section["tp"], list(islice(column, count)))
    alone = frozenset(section.get("x", ()))
    if alone:
        column = [Alone(method) if at in alone and method is not None else method for at, method in enumerate(column)]
    rows = zip(keys, column, repeat(None, count) if arguments is None else arguments, strict=True)
    job = Job(number, residents, keys, rows, answers)
    job.priority, job.places = priority, section.get("p")
    if "c" in section:
        job.session, job.numbers = section["c"], section["q"]
    if residents is None:
        job.error = UnknownKind(f"no kind {kind!r} here; it has {', '.join(sorted(kinds)) or 'none'}")
    return job


def traced(parents: Any, column: list[Method | None]) -> list[Method | None]:
    """The methods of tasks some of which are parts of traces. What is no list of them is passed over."""
    if type(parents) is not list or len(parents) != len(column):
        return column
    pairs = zip(parents, column, strict=True)
    return [Worn(method, parent=parent) if method and type(parent) is str else method for parent, method in pairs]
