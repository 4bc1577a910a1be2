"""What can go wrong on the floor of sprints.

Owns the types; each says what, which, and what to do next. The codes that a program ends with are the engine's.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["BadWorkflow", "SprintError", "StepTooLong", "UnknownFlow", "WorkflowCycle", "WorkflowFailed"]


class SprintError(Exception):
    """What every error of this floor is."""

    #: Seconds after which the same request may succeed; None where trying again is no use.
    retry_after_s: float | None = None


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
