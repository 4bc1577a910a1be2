"""What became of a step, of a part of one, and of a whole workflow; and who wants to hear of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Callbacks", "Ended", "StepResult", "WorkflowOutcome"]


class Ended(NamedTuple):
    """How a task ended. error_type, error: None where it is ok."""

    ok: bool
    value: Any
    error_type: str | None = None
    error: str | None = None


class StepResult(NamedTuple):
    """How a step ended, or a part of one. part: from 0, None for the whole step.  task: the id it was accepted under, if any.

    value: of a step with parts, the list of theirs, None for one that failed.
    """

    step: str
    part: int | None
    ok: bool
    value: Any
    error_type: str | None = None
    error: str | None = None
    task: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The facts by name."""
        return self._asdict()


class WorkflowOutcome(NamedTuple):
    """How a workflow ended.

    failed: the steps that did, those that may fail included, with why; `output`, where their values have no such part.
    skipped: never begun.

    output: what came of it, None where it is not ok.
    """

    name: str
    run_id: str
    ok: bool
    output: Any
    values: Mapping[str, Any]
    failed: Mapping[str, list[dict[str, Any]]]
    skipped: tuple[str, ...]
    ran_s: float


class Callbacks(NamedTuple):
    """What is called while a workflow runs, in the place of the work; what one raises ends the run.

    start: with the id of a step that begins.  progress: with the steps that have ended, and all of them.
    result: with each that is well.  error: with each that is not.
    """

    start: Callable[[str], object] | None = None
    progress: Callable[[int, int], object] | None = None
    result: Callable[[StepResult], object] | None = None
    error: Callable[[StepResult], object] | None = None
