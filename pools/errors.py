"""Every error that agents, workers and pools can answer with.

One base, leaves named for what happened, facts as attributes. Nothing here decides an exit code: that table is the
command line's. A failure travels between processes as a `Failure`; `raised` turns it back into the error it was.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "AgentFull",
    "AgentMoving",
    "AgentQuarantined",
    "BadAddress",
    "BadArgument",
    "BadField",
    "BadFrame",
    "BadMethod",
    "BadReply",
    "CheckpointConflict",
    "CheckpointTooLarge",
    "CheckpointsFull",
    "CircuitOpen",
    "Deadlock",
    "DependencyFailed",
    "DeployRefused",
    "Failure",
    "FrameTooLarge",
    "Interrupted",
    "KindNotLoaded",
    "LinkClosed",
    "MailboxFull",
    "OutboxFull",
    "Overloaded",
    "PoolError",
    "PoolFull",
    "PoolUnavailable",
    "RateLimited",
    "StateTooLarge",
    "StateUnreadable",
    "StepMismatch",
    "StepTooLarge",
    "StoreFull",
    "StoreStopped",
    "TaskCancelled",
    "TaskExpired",
    "TaskFailed",
    "TaskHung",
    "TaskKilled",
    "TooManyAgents",
    "TooManySteps",
    "TooOld",
    "UnknownAgent",
    "UnknownKind",
    "UnknownMethod",
    "WorkerDied",
    "failure_of",
    "raised",
    "refusal_of",
]

#: Characters of an error's text that travel: a page, so that a flood of errors stays small.
MESSAGE_CHARS = 2_000


class Failure(NamedTuple):
    """Why a task failed, as it travels between processes.

    type: the name of the error.  message: its text.  retry_after_s: seconds after which to try again, None if it is no use.
    """

    type: str
    message: str
    retry_after_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The failure as a result line shows it."""
        shown: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.retry_after_s is not None:
            shown["retry_after_s"] = self.retry_after_s
        return shown


class PoolError(Exception):
    """What every error of this floor is."""

    #: Seconds after which the same request may succeed; None where trying again is no use.
    retry_after_s: float | None = None


class BadAddress(PoolError):
    """An address is not `kind/key`."""


class BadField(PoolError):
    """A field of an agent class has a type or a default that cannot be kept."""


class BadMethod(PoolError):
    """A public method of an agent class has a signature that cannot be called as a task."""


class KindNotLoaded(PoolError):
    """A kind could not be loaded; `trace` is the traceback of the user's own code, empty where there is none."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


class UnknownKind(PoolError):
    """No such kind is loaded."""


class UnknownAgent(PoolError):
    """No such agent was spawned."""


class UnknownMethod(PoolError):
    """The kind has no such public method."""


class BadArgument(PoolError):
    """An argument does not fit the method's signature; the message names the parameter."""


class BadReply(PoolError):
    """A method's value cannot be sent: not JSON, not a number that survives, or too large."""


class CheckpointConflict(PoolError):
    """An agent's newest checkpoint has another revision than was expected: `actual`, None where it came from elsewhere."""

    def __init__(self, message: str, *, actual: int | None = None) -> None:
        super().__init__(message)
        self.actual = actual


class CheckpointTooLarge(PoolError):
    """A checkpoint would have more bytes than one may, with the state of its agent; it was not made."""


class CheckpointsFull(PoolError):
    """The checkpoints of a worker's agents have as many bytes as they may; this one was not made."""


class TooManyAgents(PoolError):
    """A spawn would pass a limit; nothing was spawned. `limit` is the number, `where` whose it is."""

    def __init__(self, message: str, *, limit: int, where: str) -> None:
        super().__init__(message)
        self.limit = limit
        self.where = where


class MailboxFull(PoolError):
    """An agent has as many waiting tasks as it may have."""

    retry_after_s = 0.1


class Deadlock(PoolError):
    """Agents waited for each other in a circle, which the message names; this wait was broken, so that the others go on."""


class TaskHung(PoolError):
    """A task ran for longer than its method may, without an end; it was interrupted, and changed nothing."""


class TaskKilled(PoolError):
    """A task ended the process that it ran in, also when it ran there alone; it changed nothing."""


class AgentQuarantined(PoolError):
    """An agent takes no tasks until it is released: what it ran has ended its process again and again."""


class AgentMoving(PoolError):
    """An agent was given out to another engine: it takes no tasks here, until it is retained or removed. Nothing was run."""

    retry_after_s = 0.5


class Interrupted(BaseException):
    """Raised within a task that hangs. It is no `Exception`, so that a method that catches those hears of it too."""


class AgentFull(PoolError):
    """An agent has as many of something as it may: names, subscribers. The message says of what; nothing was changed."""


class OutboxFull(PoolError):
    """A task sent more messages than its agent may have on their way; it changed nothing."""

    retry_after_s = 1.0


class StateTooLarge(PoolError):
    """A task would have grown its agent past the memory that an agent may use; the change was taken back."""


class StateUnreadable(PoolError):
    """What was kept of an agent cannot be read, or does not fit its class; nothing of it was changed or lost."""


class StepMismatch(PoolError):
    """A task that is run again takes other steps than the first time; it changed nothing, and its steps are forgotten."""


class StepTooLarge(PoolError):
    """What a step gave is larger than a step's value may be, or all steps of a task together are."""


class StoreFull(PoolError):
    """The disk has no room for what a task would have changed; nothing was changed, and agents are read as before."""

    retry_after_s = 1.0


class StoreStopped(PoolError):
    """The disk has failed, so nothing can be changed until the engine is started anew; what was answered can be read."""


class TooManySteps(PoolError):
    """A task takes more steps than one task may."""


class TooOld(PoolError):
    """A task's number is older than all answers that are kept; as it may have run already, it is not run."""


class PoolFull(PoolError):
    """As many tasks wait for a worker as may wait."""

    retry_after_s = 0.1


class Overloaded(PoolError):
    """More is asked for than can be done in time; nothing was run. `retry_after_s` is when there is room, as measured."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(Overloaded):
    """A kind or a tenant asks for more in a time than it may; nothing was run."""


class PoolUnavailable(PoolError):
    """A pool has no worker that could take the task; the message says why."""

    retry_after_s = 1.0


class CircuitOpen(PoolError):
    """A circuit breaker lets nothing through now; the message says which, and why. Nothing was run."""

    retry_after_s = 1.0


class WorkerDied(PoolError):
    """The worker ended before it answered; whether the task ran is not known."""

    retry_after_s = 0.2


class LinkClosed(PoolError):
    """The other side of a connection went away before it answered."""

    retry_after_s = 0.5


class TaskCancelled(PoolError):
    """The task was cancelled before it ended; it changed nothing."""


class DependencyFailed(PoolError):
    """A task that this one waited for failed, was taken back, or is not there; it was not run."""


class TaskExpired(PoolError):
    """No answer came within the time that the caller gave."""


class TaskFailed(PoolError):
    """The agent's method raised. `type` is the name of its error, `message` the error's text."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.type}: {failure.message}" if failure.message else failure.type)
        self.type = failure.type
        self.message = failure.message
        self.retry_after_s = failure.retry_after_s


class DeployRefused(PoolError):
    """New code is not given to the workers; the message says why. Everything runs as before."""


class BadFrame(PoolError):
    """Bytes that are not a frame; the connection that sent them is closed."""


class FrameTooLarge(BadFrame):
    """A frame, or one message, is larger than a frame may be."""


def _text(error: BaseException) -> str:
    """The error's own text, whatever its `__str__` does."""
    try:
        return str(error)[:MESSAGE_CHARS].encode(errors="backslashreplace").decode()
    except BaseException as second:  # noqa: BLE001 - the user's own __str__ may do anything
        return f"(its text cannot be shown: {type(second).__name__})"


def failure_of(error: BaseException) -> Failure:
    """The failure that stands for an error, short enough to travel."""
    if isinstance(error, TaskFailed):
        return Failure(error.type, error.message, error.retry_after_s)
    if isinstance(error, PoolError):
        return Failure(type(error).__name__, _text(error), error.retry_after_s)
    if isinstance(error, Interrupted):
        return Failure(TaskHung.__name__, _text(error))
    name = type(error).__name__
    if name in _LEAVES:  # an error of the user's own that is called like one of ours
        name = f"{type(error).__module__}.{name}"
    return Failure(name, _text(error))


def _leaves() -> dict[str, type[PoolError]]:
    plain = (AgentFull, AgentMoving, AgentQuarantined, BadAddress, BadArgument, BadReply, CircuitOpen, Deadlock)
    more = (
        FrameTooLarge,
        LinkClosed,
        MailboxFull,
        OutboxFull,
        PoolFull,
        PoolUnavailable,
        StateTooLarge,
        StateUnreadable,
        TaskCancelled,
        TaskExpired,
    )
    steps = (CheckpointConflict, CheckpointTooLarge, CheckpointsFull, StepMismatch, StepTooLarge, TooManySteps, TooOld)
    sizes = (FrameTooLarge, LinkClosed)
    hangs = (DeployRefused, TaskHung, TaskKilled)
    pressed = (Overloaded, RateLimited)
    most = (*pressed, DependencyFailed, StoreFull, StoreStopped, UnknownAgent, UnknownKind, UnknownMethod, WorkerDied)
    return {leaf.__name__: leaf for leaf in (*plain, *sizes, *more, *steps, *hangs, *most)}


_LEAVES = _leaves()


def raised(failure: Failure) -> PoolError:
    """The error to raise for a failure: the engine's own by its name, `TaskFailed` for one that the agent raised."""
    leaf = _LEAVES.get(failure.type)
    if leaf is None:
        return TaskFailed(failure)
    error = leaf(failure.message)
    error.retry_after_s = failure.retry_after_s
    return error


def refusal_of(said: dict[str, Any]) -> PoolError:
    """The error that the answer to an order stands for: `error`, and the `trace` of what could not be loaded."""
    failure = Failure(*said["error"])
    if failure.type == KindNotLoaded.__name__:
        return KindNotLoaded(failure.message, said.get("trace", ""))
    return raised(failure)
