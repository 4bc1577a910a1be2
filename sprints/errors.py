"""What can go wrong with a sprint, each by what happened; the facts are attributes.

Stands at the bottom of this floor: nothing is imported from here but by everybody.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BacklogCycle",
    "BadBacklog",
    "BadImport",
    "BadWorkflow",
    "CampaignFailed",
    "CheckerFailed",
    "HookFailed",
    "LedgerCorrupt",
    "LedgerFailed",
    "LedgerFull",
    "LineTooLong",
    "ManifestUnreadable",
    "ReleaseFull",
    "ReleaseLate",
    "RollbackRefused",
    "ShipRefused",
    "SprintBusy",
    "SprintError",
    "SprintOver",
    "StepTooLong",
    "StillQueued",
    "TakenOut",
    "TooManyQueued",
    "TooManySprints",
    "UnknownFlow",
    "UnknownSprint",
    "WorkflowCycle",
    "WorkflowFailed",
]


class SprintError(Exception):
    """The base of every error here."""

    #: Seconds after which the same request may succeed; None where trying again is no use.
    retry_after_s: float | None = None


class BadBacklog(SprintError):
    """A backlog cannot be used as it is written.

    key: the path of what is wrong, such as `tasks[3].after[0]`.  place: where that stands, such as `app.yaml:17`, empty where
    it is not known.
    """

    def __init__(self, message: str, *, key: str = "", place: str = "") -> None:
        super().__init__(": ".join(part for part in (place, key, message) if part))
        self.key = key
        self.place = place


class BacklogCycle(BadBacklog):
    """Tasks of a backlog wait for each other. cycle: their ids, the first one again at the end."""

    def __init__(self, cycle: Sequence[str], *, key: str = "", place: str = "") -> None:
        super().__init__(f"these tasks wait for each other: {' -> '.join(cycle)}", key=key, place=place)
        self.cycle = tuple(cycle)


class BadImport(SprintError):
    """A file cannot be made into a backlog. line: where, from 1; None where it is the whole file."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class SprintOver(SprintError):
    """A sprint that has ended was asked for something that only a running one can do. sprint: its id."""

    def __init__(self, sprint: str, asked: str) -> None:
        super().__init__(f"{sprint} has ended, so it cannot {asked}")
        self.sprint = sprint


class SprintBusy(SprintError):
    """Another sprint runs on the same backlog, here or in another process. sprint: which, empty where that is not known."""

    retry_after_s = 60.0

    def __init__(self, backlog: str, sprint: str) -> None:
        who = sprint or "another process"
        super().__init__(f"the backlog {backlog!r} is being worked on by {who}: wait until it has ended, or abort it")
        self.sprint = sprint


class TooManyQueued(SprintBusy):
    """So many wait for one backlog already that no more may."""

    def __init__(self, backlog: str, most: int) -> None:
        SprintError.__init__(self, f"{most:,} wait for the backlog {backlog!r} already: no more may")
        self.sprint = ""


class TakenOut(SprintError):
    """A campaign was taken out of the queue before its turn. queued: its id."""

    def __init__(self, queued: str) -> None:
        super().__init__(f"{queued} was taken out of the queue before its turn")
        self.queued = queued


class StillQueued(SprintError):
    """A campaign that waits for its turn was asked for something that only a sprint can do. queued: its id."""

    def __init__(self, queued: str, asked: str) -> None:
        super().__init__(
            f"{queued} waits for its turn, so it cannot {asked}; it can be taken out: engine sprint abort {queued}"
        )
        self.queued = queued


class UnknownSprint(SprintError):
    """No sprint has this id. sprint: the id."""

    def __init__(self, sprint: str) -> None:
        super().__init__(f"there is no sprint {sprint!r}; see: engine sprint ls")
        self.sprint = sprint


class TooManySprints(SprintError):
    """A day has had all the sprints that it can have; the next one can begin tomorrow. day: `20261121`."""

    retry_after_s = 86_400.0

    def __init__(self, day: str, most: int) -> None:
        super().__init__(f"{day} has had {most:,} sprints, which is all that can be told apart")
        self.day = day


class CampaignFailed(SprintError):
    """The sprints of a backlog ended by something that is no matter of sprints: a disk, a folder, a defect."""


class CheckerFailed(SprintError):
    """No process could make a check: nothing is known of the task."""


class LedgerCorrupt(SprintError):
    """A ledger does not say what was written into it. file; line: the first that is wrong, from 1."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line


class LedgerFull(SprintError):
    """There was no room for a ledger's new lines, which were taken back whole; they are kept for the next try. file."""

    retry_after_s = 1.0

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} cannot be written: {reason}; make room, what was written before is safe")
        self.file = file


class LedgerFailed(SprintError):
    """What a ledger holds on the disk is not known: nothing more is written until it was opened and read anew. file."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}; nothing more is written until it was opened anew and read again")
        self.file = file


class LineTooLong(SprintError):
    """One event has more bytes than a line of a ledger may have."""


class HookFailed(SprintError):
    """A hook said no, so the release was not switched to. hook: which.  reason: why."""

    def __init__(self, hook: str, reason: str) -> None:
        super().__init__(f"the hook {hook} failed, nothing was released: {reason}")
        self.hook = hook
        self.reason = reason


class ReleaseFull(SprintError):
    """There was no room for a release: the one before stays, what was made of the new one is removed. folder."""

    retry_after_s = 60.0

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(f"{folder} cannot take the release: {reason}; the release before stays, make room and ship again")
        self.folder = folder


class ManifestUnreadable(SprintError):
    """A release does not say what it holds. file."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} is no manifest of a release: {reason}")
        self.file = file


class ShipRefused(SprintError):
    """A release may not be shipped: somebody else may have, or has followed. The message says who."""


class RollbackRefused(SprintError):
    """There is no whole release to go back to."""


class ReleaseLate(SprintError):
    """The time to ship was up before the release was switched to; the one before counts still. sprint: whose it is."""

    def __init__(self, sprint: str) -> None:
        super().__init__(f"the time to ship was up before the release of {sprint} was whole")
        self.sprint = sprint


class StepTooLong(SprintError):
    """A step of a flow has more source lines than one may have. step: its name.  lines: how many it has."""

    def __init__(self, message: str, *, step: str, lines: int) -> None:
        super().__init__(message)
        self.step = step
        self.lines = lines


class UnknownFlow(SprintError):
    """No flow of this name was created."""


class BadWorkflow(SprintError):
    """A workflow cannot be run as it is written. path: where in it, such as `steps.3.args`."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class WorkflowCycle(BadWorkflow):
    """Steps wait for each other in a circle. circle: their ids in its order, the first again at its end."""

    def __init__(self, circle: Sequence[str]) -> None:
        said = " after ".join(circle)
        super().__init__(f"steps wait for each other: {said}; take one of them out of the circle", path="steps")
        self.circle = tuple(circle)


class WorkflowFailed(SprintError):
    """A workflow ended without all of its steps done. failed, skipped: the steps' ids."""

    def __init__(self, message: str, *, failed: Sequence[str], skipped: Sequence[str]) -> None:
        super().__init__(message)
        self.failed = tuple(failed)
        self.skipped = tuple(skipped)
