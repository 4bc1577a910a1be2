"""A task that was accepted and that nobody waits for: what was asked, and what became of it.

Owns its states and the reading of what a person submits. Who runs it, and where it is written down, is not known here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

import orjson

from engine.errors import EngineError, SubmitStopped
from engine.stream import task_of
from pools import values
from pools.address import parse, valid_kind
from pools.errors import BadArgument, Failure, PoolError, raised
from pools.lane import is_name, sent_form

__all__ = [
    "ENDED",
    "STATES",
    "SUBMIT_TASKS",
    "Ending",
    "Submission",
    "Task",
    "exact",
    "outcome",
    "rows_of",
    "submission_of",
    "submissions_of",
    "submit_parts",
]

#: How a task may end.
ENDED = ("done", "failed", "cancelled", "expired")
#: queued: it waits here.  running: its worker has it, where it may still wait for its turn.
STATES = ("queued", "running", *ENDED)
#: Characters of what a task is called by who submits it, and of its method: both stand in every list.
NAME_CHARS = 200
#: Seconds that a deadline may be away: a year, as nobody means more.
DEADLINE_S = 366 * 86_400.0
#: Tasks that a sender that has many submits at once, and rows of one submission at most: what is read in one go.
SUBMIT_TASKS, SUBMIT_MOST = 1_000, 10_000
#: Bytes that a task takes beside its texts, about, so that many small ones are bounded too.
TASK_BYTES = 400


class Submission(NamedTuple):
    """What shall be done.

    name: what the sender calls it, None for nothing.  address: kind/key, or a kind.  argument: as it is sent.
    deadline_s: seconds after its acceptance at which it expires, None for never.
    """

    name: int | str | None
    address: str
    method: str
    argument: Any
    deadline_s: float | None


@dataclass(slots=True, eq=False)
class Task:
    """An accepted task.

    number: in its journal, from 1.  argument, value: as JSON; a value is there once it is done.
    of, next: numbers of the task that this one is another attempt of, and of the one that was made of it.
    life: how often the journal had been opened when it was accepted.  prior: attempts before that.
    Times are in seconds since 1970.
    """

    number: int
    name: int | str | None
    agent: str
    method: str
    argument: bytes | None
    accepted_s: float
    deadline_s: float | None = None
    of: int | None = None
    prior: int = 0
    life: int = 1
    state: str = "queued"
    attempts: int = 0
    started_s: float | None = None
    ended_s: float | None = None
    value: bytes | None = None
    error: Failure | None = None
    next: int | None = None
    #: Whether its end is decided, and perhaps not written down yet.
    is_ending: bool = field(default=False, repr=False)
    #: How it shall end, `cancelled` or `expired`, once somebody has taken it back.
    wish: str | None = field(default=None, repr=False)
    #: Whether its agent was chosen for it, as it was addressed to a kind: then breakers may have it wait.
    is_chosen: bool = field(default=False, repr=False)

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, about."""
        texts = len(self.agent) + len(self.method) + len(str(self.name))
        return TASK_BYTES + texts + len(self.argument or b"") + len(self.value or b"")

    def end(self, state: str, now_s: float, *, value: bytes | None = None, error: Failure | None = None) -> Ending:
        """How it ends, once that is written down."""
        self.is_ending = True
        return Ending(self, state, now_s, value, error)


class Ending(NamedTuple):
    """The end of a task that is not written down yet."""

    task: Task
    state: str
    ended_s: float
    value: bytes | None
    error: Failure | None

    @property
    def size_bytes(self) -> int:
        """What it takes in the journal, about."""
        return 200 + len(self.value or b"") + (0 if self.error is None else len(self.error.message))


def exact(value: Any) -> bytes:
    """A value as JSON that takes no more memory than it is long: what `dumps` gives may pin kilobytes."""
    return bytes(memoryview(orjson.dumps(value)))


def outcome(task: Task) -> Any:
    """The value of a task that was done. Raises the error of one that was not."""
    if task.value is not None:
        return orjson.loads(task.value)
    raise raised(task.error or Failure(task.state, ""))


def submission_of(line: Any) -> Submission:
    """What a tuple (address, method, *arguments) or a task line asks for. Raises BadArgument, BadAddress."""
    if type(line) is Submission:
        return line
    deadline_s = None
    if type(line) is dict and "deadline_s" in line:
        line = dict(line)
        deadline_s = _deadline_s(line.pop("deadline_s"))
    name, (address, method, *arguments) = task_of(line)
    return _checked(name, address, method, sent_form(arguments), deadline_s)


def submissions_of(rows: Any) -> list[Submission]:
    """The same from rows [address, method, argument, name, deadline_s], as they travel. Raises BadArgument, BadAddress."""
    if type(rows) is not list or not 0 < len(rows) <= SUBMIT_MOST:
        raise BadArgument(f"tasks are a list of 1 to {SUBMIT_MOST:,} rows")
    found = []
    for at, row in enumerate(rows):
        if type(row) is not list or len(row) != 5 or type(row[0]) is not str:
            raise BadArgument(f"task {at}: a row is [address, method, argument, name, deadline_s], got {row!r:.80}")
        address, method, argument, name, deadline_s = row
        found.append(_checked(name, address, method, argument, None if deadline_s is None else _deadline_s(deadline_s)))
    return found


def _checked(name: Any, address: str, method: Any, argument: Any, deadline_s: float | None) -> Submission:
    if "/" in address:
        parse(address)
    else:
        valid_kind(address)
    if not is_name(method) or len(method) > NAME_CHARS:
        raise BadArgument(f"a method is named by a text of up to {NAME_CHARS} characters, got {method!r:.80}")
    if name is not None and (type(name) not in (int, str) or len(str(name)) > NAME_CHARS or values.fault(name)):
        raise BadArgument(f'an "id" is a number, or a text of up to {NAME_CHARS} characters, got {name!r:.80}')
    wrong = values.fault(argument, "the argument")
    if wrong is not None:
        raise BadArgument(f"{address} {method}: {wrong}")
    return Submission(name, address, method, argument, deadline_s)


def _deadline_s(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value) or not 0 < value <= DEADLINE_S:
        raise BadArgument(f"deadline_s is a number of seconds, above 0 up to {DEADLINE_S:,.0f}, got {value!r:.40}")
    return float(value)


async def submit_parts(
    submissions: Sequence[Submission],
    submit: Callable[[Sequence[Submission]], Awaitable[list[str]]],
    at_once: int | None = None,
) -> list[str]:
    """Submit many tasks, SUBMIT_TASKS at a time; returns their ids. Raises SubmitStopped where only some were accepted."""
    ids: list[str] = []
    at_once = at_once or SUBMIT_TASKS
    try:
        for at in range(0, len(submissions), at_once):
            ids += await submit(submissions[at : at + at_once])
    except (EngineError, PoolError) as error:
        if isinstance(error, SubmitStopped):
            ids += error.ids
        if not ids:
            raise
        said = f"{len(ids):,} of {len(submissions):,} tasks were accepted, then: {error}"
        raise SubmitStopped(said, ids=ids, retry_after_s=error.retry_after_s) from error
    return ids


def rows_of(submissions: Sequence[Submission]) -> list[list[Any]]:
    """Submissions as they travel."""
    return [[each.address, each.method, each.argument, each.name, each.deadline_s] for each in submissions]
