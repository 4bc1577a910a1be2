"""Every error of the engine, and the exit code that each of them means.

Owns the one table of exit codes: 0 done, 1 the work failed, 2 asked wrongly, 3 try again, 4 broken. The errors of the floors
below are named here too, so that a user needs one import.
"""

from __future__ import annotations

from pathlib import Path

from checkpoints.errors import (
    CheckpointError,
    Corrupt,
    DiskFull,
    FolderInUse,
    NewerFormat,
    ReadFailed,
    RecordTooLarge,
    StoreClosed,
    StoreFailed,
)
from pools.errors import (
    AgentQuarantined,
    BadAddress,
    BadArgument,
    BadField,
    BadFrame,
    BadMethod,
    BadReply,
    Failure,
    FrameTooLarge,
    KindNotLoaded,
    LinkClosed,
    MailboxFull,
    OutboxFull,
    PoolError,
    PoolFull,
    PoolUnavailable,
    StateTooLarge,
    StateUnreadable,
    StepMismatch,
    StepTooLarge,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    TaskHung,
    TaskKilled,
    TooManyAgents,
    TooManySteps,
    TooOld,
    UnknownAgent,
    UnknownKind,
    UnknownMethod,
    WorkerDied,
)

__all__ = [
    "AgentQuarantined",
    "AlreadyRunning",
    "BadAddress",
    "BadArgument",
    "BadField",
    "BadFrame",
    "BadLine",
    "BadMethod",
    "BadReply",
    "CheckpointError",
    "ConfigError",
    "Corrupt",
    "DiskFull",
    "EngineError",
    "EngineStopped",
    "Failure",
    "FolderInUse",
    "FrameTooLarge",
    "KindNotLoaded",
    "LinkClosed",
    "MailboxFull",
    "NewerFormat",
    "NotRunning",
    "OutboxFull",
    "PoolError",
    "PoolFull",
    "PoolUnavailable",
    "ReadFailed",
    "RecordTooLarge",
    "StartFailed",
    "StateTooLarge",
    "StateUnreadable",
    "StepMismatch",
    "StepTooLarge",
    "StoreClosed",
    "StoreFailed",
    "TaskCancelled",
    "TaskExpired",
    "TaskFailed",
    "TaskHung",
    "TaskKilled",
    "TooManyAgents",
    "TooManySteps",
    "TooOld",
    "Unavailable",
    "UnknownAgent",
    "UnknownKind",
    "UnknownMethod",
    "UnsafePath",
    "WorkerDied",
    "exit_code",
]


class EngineError(Exception):
    """What every error of this floor is."""

    #: Seconds after which the same request may succeed; None where trying again is no use.
    retry_after_s: float | None = None


class ConfigError(EngineError):
    """A configuration value cannot be used.

    key: its path, such as `pools.p3.cpu`.  file, line: where it stands.  nearest: the key that may have been meant.
    """

    def __init__(
        self, message: str, *, key: str, file: Path | None = None, line: int | None = None, nearest: str | None = None
    ) -> None:
        place = "" if file is None else f"{file}:{line}: " if line is not None else f"{file}: "
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"{place}{key + ': ' if key else ''}{message}{hint}")
        self.key = key
        self.file = file
        self.line = line
        self.nearest = nearest


class UnsafePath(EngineError):
    """A directory or socket has the wrong owner or mode, or cannot be used; `path` is which."""

    def __init__(self, message: str, *, path: Path) -> None:
        super().__init__(message)
        self.path = path


class AlreadyRunning(EngineError):
    """An engine of this name runs already; `pid` is its process where it is known."""

    def __init__(self, message: str, *, pid: int | None = None) -> None:
        super().__init__(message)
        self.pid = pid


class NotRunning(EngineError):
    """No engine of this name runs."""

    retry_after_s = 1.0


class EngineStopped(EngineError):
    """The engine is stopping or was never started."""

    retry_after_s = 1.0


class StartFailed(EngineError):
    """The engine could not start; the message says why."""


class Unavailable(EngineError):
    """Something cannot work here; the message says why."""


class BadLine(EngineError):
    """A line of a task file is not a task; `line` is its number, from 1."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


#: Done; the work failed; asked wrongly; try again; broken.
DONE, FAILED, WRONG, AGAIN, BROKEN = range(5)

_CODES: dict[type[Exception], int] = {
    AgentQuarantined: FAILED,
    AlreadyRunning: WRONG,
    BadAddress: WRONG,
    BadArgument: WRONG,
    BadField: WRONG,
    BadFrame: BROKEN,
    BadLine: FAILED,
    BadMethod: WRONG,
    BadReply: FAILED,
    ConfigError: WRONG,
    Corrupt: BROKEN,
    DiskFull: AGAIN,
    EngineStopped: AGAIN,
    FolderInUse: AGAIN,
    FrameTooLarge: WRONG,
    KindNotLoaded: WRONG,
    LinkClosed: AGAIN,
    MailboxFull: AGAIN,
    NewerFormat: BROKEN,
    NotRunning: AGAIN,
    OutboxFull: AGAIN,
    PoolFull: AGAIN,
    PoolUnavailable: AGAIN,
    ReadFailed: BROKEN,
    RecordTooLarge: FAILED,
    StartFailed: BROKEN,
    StateTooLarge: FAILED,
    StateUnreadable: BROKEN,
    StepMismatch: FAILED,
    StepTooLarge: FAILED,
    StoreClosed: AGAIN,
    StoreFailed: BROKEN,
    TaskCancelled: FAILED,
    TaskExpired: FAILED,
    TaskFailed: FAILED,
    TaskHung: FAILED,
    TaskKilled: FAILED,
    TooManyAgents: WRONG,
    TooManySteps: FAILED,
    TooOld: FAILED,
    Unavailable: WRONG,
    UnknownAgent: WRONG,
    UnknownKind: WRONG,
    UnknownMethod: WRONG,
    UnsafePath: WRONG,
    WorkerDied: AGAIN,
}


def exit_code(error: BaseException) -> int:
    """The exit code of an error: 1 the work failed, 2 asked wrongly, 3 try again, 4 broken. Unknown ones are 4."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return BROKEN
