"""What the verdict of a task stands on.

Owns the one rule of `done`: the task answered, its check passed, its artifacts are there and were written by it, and it had an
effect. It looks at nothing itself: who does is `witness`. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sprints.check import CheckResult
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.receipt import Made, Receipt

__all__ = ["CANCELLED", "EFFECTS", "ERROR_CHARS", "EXPIRED", "Evidence", "judged"]

#: Errors by which a task ends as expired, and as cancelled, and not as failed.
EXPIRED, CANCELLED = frozenset({"TaskExpired", "DeadlineExceeded"}), frozenset({"TaskCancelled", "CancelledError"})
#: Effects that are evidence: what the engine has counted itself. What a task reports of itself, tests or lines, is none; nor is
#: a question to another agent, which may have changed nothing.
EFFECTS = ("fields", "steps", "checkpoints", "tells", "spawns", "timers")
#: Characters of an error or a reason in a receipt: a line that somebody reads.
ERROR_CHARS = 1_000
#: Wrong artifacts that a receipt names; the rest it counts.
NAMED = 3


class Evidence(NamedTuple):
    """What was found of a task that answered.

    check: its name and result, None where the task has none.  artifacts: those that are there and new.
    wrong: of each other one its path and why it is no evidence.
    """

    check: tuple[str, CheckResult] | None = None
    artifacts: Sequence[Made] = ()
    wrong: Sequence[tuple[str, str]] = ()


def judged(item: Item, outcome: Outcome, evidence: Evidence) -> Receipt:
    """The receipt of a task."""
    verdict, why = _verdict(outcome, evidence)
    error = None
    if not outcome.ok:
        error = _cut(_error(outcome))
    return Receipt(
        item.id,
        item.role,
        verdict,
        outcome.agent,
        None if why is None else _cut(why),
        outcome.ran_s,
        outcome.waited_s,
        error,
        None if evidence.check is None else evidence.check[0],
        tuple(evidence.artifacts),
        outcome.effects,
        item.feature,
        item.bug,
    )


def _verdict(outcome: Outcome, evidence: Evidence) -> tuple[str, str | None]:
    if not outcome.ok:
        if outcome.error_type in EXPIRED:
            return "expired", "it was not done in time"
        return (
            ("cancelled", "it was cancelled")
            if outcome.error_type in CANCELLED
            else ("failed", f"it ended with {_error(outcome)}")
        )
    if evidence.check is not None and not evidence.check[1].is_passed:
        name, result = evidence.check
        return "failed", f"its check ({name}) did not pass: {result.why}"
    if evidence.wrong:
        named = "; ".join(f"{path} {why}" for path, why in evidence.wrong[:NAMED])
        more = len(evidence.wrong) - NAMED
        return "unproven", named + (f"; and {more} more" if more > 0 else "")
    if not evidence.artifacts and not any(outcome.effects.get(name, 0) > 0 for name in EFFECTS):
        return "unproven", "it answered and had no effect: no change of state, no step, no message, no new artifact"
    return "done", None


def _error(outcome: Outcome) -> str:
    return f"{outcome.error_type or 'Error'}: {outcome.error or ''}".removesuffix(": ")


def _cut(text: str) -> str:
    """What fits into a receipt, and can be written as UTF-8."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= ERROR_CHARS else f"{text[: ERROR_CHARS - 3]}..."
