"""Every error of the engine, and the exit code that each of them means.

Owns the one table of exit codes: 0 done, 1 the work failed, 2 asked wrongly, 3 try again, 4 broken. The errors of the floors
below are named here too, so that a user needs one import.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

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
    AgentFull,
    AgentMoving,
    AgentQuarantined,
    BadAddress,
    BadArgument,
    BadField,
    BadFrame,
    BadMethod,
    BadReply,
    CheckpointConflict,
    CheckpointsFull,
    CheckpointTooLarge,
    CircuitOpen,
    Deadlock,
    DependencyFailed,
    DeployRefused,
    Failure,
    FrameTooLarge,
    KindNotLoaded,
    LinkClosed,
    MailboxFull,
    OutboxFull,
    Overloaded,
    PoolError,
    PoolFull,
    PoolUnavailable,
    RateLimited,
    StateTooLarge,
    StateUnreadable,
    StepMismatch,
    StepTooLarge,
    StoreFull,
    StoreStopped,
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
from sprints.errors import (
    BacklogCycle,
    BadBacklog,
    BadImport,
    BadWorkflow,
    RollbackRefused,
    SprintBusy,
    SprintError,
    SprintOver,
    StepTooLong,
    StillQueued,
    TakenOut,
    TooManySprints,
    UnknownFlow,
    UnknownSprint,
    WorkflowCycle,
    WorkflowFailed,
)

if TYPE_CHECKING:
    from engine.reduction import Reduced

__all__ = [
    "AgentFull", "AgentMoving", "AgentQuarantined", "AgentUnavailable", "AlreadyRunning", "BacklogCycle", "BackupDamaged",
    "BadAddress", "BadArgument", "BadBacklog", "BadField", "BadFrame", "BadImport", "BadLine", "BadMethod", "BadReply",
    "BadWorkflow",
    "CheckpointConflict", "CheckpointError", "CheckpointTooLarge", "CheckpointsFull", "CircuitOpen", "ConfigError", "Corrupt",
    "Deadlock", "DependencyCycle", "DependencyFailed", "DeployRefused", "DiskFull", "DocumentTooLarge", "DuplicateTask",
    "EngineError", "EngineStopped", "Failure", "FolderInUse", "FrameTooLarge", "IntakeFull", "JournalFailed", "KindNotLoaded",
    "LinkClosed", "MailboxFull", "NewerFormat", "NotAll", "NotRecorded", "NotRequeued", "NotRunning", "OutboxFull",
    "Overloaded", "PoolError", "PoolFull", "PoolUnavailable", "RateLimited", "ReadFailed", "RecordTooLarge",
    "RecordingDamaged", "RecordingInUse", "ResultGone", "RollbackRefused", "SprintBusy", "SprintError", "SprintOver",
    "StartFailed", "StateTooLarge", "StateUnreadable", "StepMismatch", "StepTooLarge", "StepTooLong", "StillQueued",
    "StoreClosed", "StoreFailed", "StoreFull", "StoreStopped", "SubmitStopped", "TakenOut", "TaskCancelled", "TaskEnded",
    "TaskExpired", "TaskFailed", "TaskHung", "TaskKilled", "TaskOpen", "TooManyAgents", "TooManySprints", "TooManySteps",
    "TooOld", "Unavailable", "UnknownAgent", "UnknownFlow", "UnknownKind", "UnknownMethod", "UnknownSprint", "UnknownTask",
    "UnsafePath", "WorkerDied", "WorkflowCycle", "WorkflowFailed", "exit_code",
]  # fmt: skip


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


class AgentUnavailable(EngineError):
    """The node of an agent of a cluster is lost, so that nothing was sent to it; it is back with its node, as it was."""


class UnknownTask(EngineError):
    """No task with this id was ever accepted here."""


class ResultGone(EngineError):
    """The task has ended, and what became of it was let go: more has ended since than is kept."""


class TaskEnded(EngineError):
    """The task has ended otherwise already, so that it cannot be cancelled; it stays as it is."""


class TaskOpen(EngineError):
    """The task has not ended yet."""

    retry_after_s = 1.0


class NotAll(EngineError):
    """Some of the agents that were asked together failed; the cause of the error that the first of them, `agent`, gave.

    reduced: the counts, and the value of those that answered, as `on_error="skip"` gives them.
    """

    def __init__(self, message: str, *, reduced: Reduced, agent: str) -> None:
        super().__init__(message)
        self.reduced = reduced
        self.agent = agent


class NotRequeued(EngineError):
    """A task that did not fail, or was requeued already, is not tried again."""


class DuplicateTask(EngineError):
    """Another task is known under this id, which is not the same; the first one is kept, nothing of the submission accepted."""


class DependencyCycle(EngineError):
    """Tasks would wait for each other; the message names them. Nothing of the submission was accepted."""


class IntakeFull(EngineError):
    """No more tasks are accepted now: too many are open, or the disk is full. Nothing of the submission was accepted."""

    retry_after_s = 1.0


class JournalFailed(EngineError):
    """The journal of tasks cannot be written any more; the engine must be started again, which reads what is there."""


class SubmitStopped(EngineError):
    """A part of the tasks was accepted, the rest was not. ids: of those that were, in the order of the tasks."""

    def __init__(self, message: str, *, ids: list[str], retry_after_s: float | None) -> None:
        super().__init__(message)
        self.ids = ids
        self.retry_after_s = retry_after_s


class NotRecorded(EngineError):
    """Nothing was recorded at that instant; before_s, after_s: the instants beside it that have something, else None."""

    def __init__(self, message: str, *, before_s: float | None = None, after_s: float | None = None) -> None:
        super().__init__(message)
        self.before_s = before_s
        self.after_s = after_s


class DocumentTooLarge(EngineError):
    """A document is larger than a recording takes; it was not recorded."""


class RecordingDamaged(EngineError):
    """A recording is not as it was written, or none at all; `file` is which, `offset` the byte."""

    def __init__(self, message: str, *, file: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.offset = offset


class RecordingInUse(EngineError):
    """Somebody else writes this recording; `file` is which."""

    retry_after_s = 1.0

    def __init__(self, message: str, *, file: str = "") -> None:
        super().__init__(message)
        self.file = file


class BackupDamaged(EngineError):
    """A backup is not as it was written, or leads out of its folder; `file` is which of its files."""

    def __init__(self, message: str, *, file: str) -> None:
        super().__init__(message)
        self.file = file


class BadLine(EngineError):
    """A line of a task file is not a task; `line` is its number, from 1."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


#: Done; the work failed; asked wrongly; try again; broken.
DONE, FAILED, WRONG, AGAIN, BROKEN = range(5)

_CODES: dict[type[Exception], int] = {
    AgentFull: FAILED,
    AgentMoving: AGAIN,
    AgentQuarantined: FAILED,
    AgentUnavailable: AGAIN,
    AlreadyRunning: WRONG,
    BackupDamaged: BROKEN,
    BadAddress: WRONG,
    BadArgument: WRONG,
    BadBacklog: WRONG,
    BadField: WRONG,
    BadFrame: BROKEN,
    BadImport: WRONG,
    BadLine: FAILED,
    BadMethod: WRONG,
    BadReply: FAILED,
    BadWorkflow: WRONG,
    CircuitOpen: AGAIN,
    CheckpointConflict: FAILED,
    CheckpointTooLarge: FAILED,
    CheckpointsFull: FAILED,
    ConfigError: WRONG,
    Corrupt: BROKEN,
    Deadlock: FAILED,
    DependencyCycle: WRONG,
    DependencyFailed: FAILED,
    DeployRefused: WRONG,
    DiskFull: AGAIN,
    DocumentTooLarge: FAILED,
    DuplicateTask: WRONG,
    EngineStopped: AGAIN,
    FolderInUse: AGAIN,
    FrameTooLarge: WRONG,
    IntakeFull: AGAIN,
    JournalFailed: BROKEN,
    KindNotLoaded: WRONG,
    LinkClosed: AGAIN,
    MailboxFull: AGAIN,
    NewerFormat: BROKEN,
    NotAll: FAILED,
    NotRecorded: WRONG,
    NotRequeued: WRONG,
    NotRunning: AGAIN,
    OutboxFull: AGAIN,
    Overloaded: AGAIN,
    PoolFull: AGAIN,
    PoolUnavailable: AGAIN,
    RateLimited: AGAIN,
    ReadFailed: BROKEN,
    RecordTooLarge: FAILED,
    RecordingDamaged: BROKEN,
    RecordingInUse: AGAIN,
    ResultGone: WRONG,
    RollbackRefused: WRONG,
    SprintBusy: AGAIN,
    SprintOver: WRONG,
    StartFailed: BROKEN,
    StateTooLarge: FAILED,
    StateUnreadable: BROKEN,
    StepMismatch: FAILED,
    StepTooLarge: FAILED,
    StepTooLong: WRONG,
    StillQueued: WRONG,
    StoreClosed: AGAIN,
    StoreFailed: BROKEN,
    StoreFull: AGAIN,
    StoreStopped: BROKEN,
    SubmitStopped: AGAIN,
    TakenOut: FAILED,
    TaskCancelled: FAILED,
    TaskEnded: FAILED,
    TaskExpired: FAILED,
    TaskFailed: FAILED,
    TaskHung: FAILED,
    TaskKilled: FAILED,
    TaskOpen: AGAIN,
    TooManyAgents: WRONG,
    TooManySprints: AGAIN,
    TooManySteps: FAILED,
    TooOld: FAILED,
    Unavailable: WRONG,
    UnknownAgent: WRONG,
    UnknownFlow: WRONG,
    UnknownKind: WRONG,
    UnknownMethod: WRONG,
    UnknownSprint: WRONG,
    UnknownTask: WRONG,
    UnsafePath: WRONG,
    WorkerDied: AGAIN,
    WorkflowFailed: FAILED,
}


#: The same of what the system refuses: a place that was named wrongly, and room that may come; the rest is broken.
_SYSTEM_CODES: dict[int, int] = {
    **dict.fromkeys((errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG), WRONG),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EROFS, errno.ETXTBSY), WRONG),
    **dict.fromkeys((errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC), AGAIN),
}


def exit_code(error: BaseException) -> int:
    """The exit code of an error: 1 the work failed, 2 asked wrongly, 3 try again, 4 broken. Unknown ones are 4."""
    if type(error).__module__ == "builtins" and isinstance(error, OSError) and error.errno in _SYSTEM_CODES:
        return _SYSTEM_CODES[error.errno]
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return BROKEN
