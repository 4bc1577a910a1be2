"""A task that was accepted and that nobody waits for: what was asked, and what became of it.

Owns its states. Who runs it, and where it is written down, is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from engine.options import PLAIN, Options, Reference
from pools.errors import Failure, raised

__all__ = ["ENDED", "STATES", "TRIES", "Ending", "Task", "Try", "exact"]

#: How a task may end.
ENDED = ("done", "failed", "cancelled", "expired")
#: queued: it waits for room at its worker.  waiting: for other tasks, for its time, or for its next attempt.
#: running: its worker has it, where it may still wait for its turn.
STATES = ("queued", "waiting", "running", *ENDED)
#: Bytes that a task takes beside its texts, about, so that many small ones are bounded too.
TASK_BYTES = 400
#: The same of each task that it waits for.
REFERENCE_BYTES = 200
#: The same of each effect that is counted.
EFFECT_BYTES = 100
#: Attempts that failed of which it is known how, the newest ones.
TRIES = 20


class Try(NamedTuple):
    """An attempt that failed. started_s, ended_s: seconds since 1970.  agent: whose it was."""

    started_s: float
    ended_s: float
    agent: str
    type: str
    message: str


@dataclass(slots=True, eq=False)
class Task:
    """An accepted task.

    number: in its journal, from 1.  agent: kind/key, or a kind while no agent of it was chosen.
    argument, value: as JSON; a value is there once it is done, with `effects` and `ran_s` where they were asked for.
    after: the tasks that it waits for, or waited for.  is_any: any agent of its kind will do.
    check: of its argument, which is let go before it.
    of, next: numbers of the task that this one is another attempt of, and of the one that was made of it.
    life: how often the journal had been opened when it was accepted.  prior: attempts before that.
    Times are in seconds since 1970.
    """

    number: int
    name: Reference | None
    agent: str
    method: str
    argument: bytes | None
    accepted_s: float
    deadline_s: float | None = None
    after: tuple[Reference, ...] = ()
    options: Options = PLAIN
    is_any: bool = False
    check: int = 0
    of: int | None = None
    prior: int = 0
    life: int = 1
    state: str = "queued"
    attempts: int = 0
    #: When it had waited for everything that it had to wait for.
    ready_s: float | None = None
    #: Before when it, or its next attempt, does not begin, while it waits for that.
    due_s: float | None = None
    started_s: float | None = None
    ended_s: float | None = None
    value: bytes | None = None
    error: Failure | None = None
    #: What it changed by name, no name with 0, and seconds from the method's first instruction to its end, waiting included.
    effects: dict[str, int] | None = None
    ran_s: float | None = None
    next: int | None = None
    #: Further attempts that its options gave it, and how the newest of all that failed did.
    retried: int = 0
    tries: tuple[Try, ...] = ()
    #: How far it said last that it is, 0 to 1.
    progress: float | None = None
    #: The priority with which it goes: its own, or a higher one of a task that waits for it.
    urgency: int = field(init=False, repr=False)
    #: Whether it stands in the line before a worker.
    is_lined: bool = field(default=False, repr=False)
    #: Whether its end is decided, and perhaps not written down yet.
    is_ending: bool = field(default=False, repr=False)
    #: How it shall end, `cancelled` or `expired`, once somebody has taken it back.
    wish: str | None = field(default=None, repr=False)

    #: What it is done in: the task that splits it, its parts in order, the one that joins them; None where it runs as it is.
    parts: list[Task] | None = field(default=None, repr=False)
    #: The task that it is a part of: such a one is not counted, and has no end of its own in the journal.
    whole: Task | None = field(default=None, repr=False)

    #: What it takes in memory, about, while it is open.
    size_bytes: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        argument, name = self.argument, self.name
        self.urgency = self.options.priority
        self.size_bytes = (
            TASK_BYTES
            + len(self.agent)
            + len(self.method)
            + (0 if argument is None else len(argument))
            + (len(name) if type(name) is str else 0)
            + REFERENCE_BYTES * len(self.after)
        )

    @property
    def held_bytes(self) -> int:
        """What it takes while it is open, with what it is done in."""
        return self.size_bytes + sum([part.size_bytes for part in self.parts or ()])

    @property
    def kept_bytes(self) -> int:
        """What it takes once it has ended."""
        return self.size_bytes + len(self.value or b"") + _size_bytes(self.effects)

    @property
    def wanted(self) -> str:
        """The kind of which an agent is chosen for it."""
        return self.agent.partition("/")[0]

    def outcome(self) -> Any:
        """Its value, if it was done. Raises its error if not."""
        if self.value is not None:
            return orjson.loads(self.value)
        raise raised(self.error or Failure(self.state, ""))

    def end(self, state: str, now_s: float, *, value: bytes | None = None, error: Failure | None = None) -> Ending:
        """How it ends, once that is written down."""
        self.is_ending = True
        return Ending(self, state, now_s, value, error)

    def done(self, now_s: float, result: Any) -> Ending:
        """How it ends with what its worker answered: a value, with its effects and its time where they are counted."""
        if not self.options.count_effects:
            return self.end("done", now_s, value=exact(result))
        value, effects, ran_s = result
        return self.end("done", now_s, value=exact(value))._replace(effects=effects, ran_s=ran_s)


class Ending(NamedTuple):
    """The end of a task that is not written down yet."""

    task: Task
    state: str
    ended_s: float
    value: bytes | None
    error: Failure | None
    effects: dict[str, int] | None = None
    ran_s: float | None = None

    @property
    def size_bytes(self) -> int:
        """What it takes in the journal, about."""
        told = 0 if self.error is None else len(self.error.message)
        return 200 + len(self.value or b"") + told + _size_bytes(self.effects)


def _size_bytes(effects: dict[str, int] | None) -> int:
    """What effects take, about."""
    return 0 if effects is None else EFFECT_BYTES * (1 + len(effects)) + sum(map(len, effects))


def exact(value: Any) -> bytes:
    """A value as JSON that takes no more memory than it is long: what `dumps` gives may pin kilobytes."""
    if type(value) is int:
        return b"%d" % value
    return bytes(memoryview(orjson.dumps(value)))
