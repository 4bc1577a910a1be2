"""What became of a job on one node, and the error that says why it came to nothing.

Owns the words for it, and the exit code over all nodes. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import errors
from engine.errors import EngineError

__all__ = ["UNREACHED", "NodeFailed", "Outcome", "code_of"]

#: States in which a node was never spoken to: it is down, does not let us in, or is not who it should be.
UNREACHED = frozenset({"unreachable", "refused", "untrusted"})


class NodeFailed(EngineError):
    """The job came to nothing on a node.

    state: unreachable, refused, untrusted, timeout, flooded, lost or failed.  mend: what to type or do, or "".
    value: what there is all the same.
    """

    def __init__(self, message: str, *, state: str, mend: str = "", value: Any = None) -> None:
        super().__init__(message)
        self.state = state
        self.mend = mend
        self.value = value


@dataclass(frozen=True, slots=True)
class Outcome:
    """One node's. state: done, one of NodeFailed's, or interrupted.  value: what the job gave."""

    node: str
    address: str
    state: str
    seconds: float
    reason: str = ""
    mend: str = ""
    value: Any = None

    @property
    def is_done(self) -> bool:
        """Whether it went well."""
        return self.state == "done"

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON shows it, without what the job gave."""
        facts = {"node": self.node, "address": self.address, "state": self.state, "seconds": round(self.seconds, 3)}
        return {**facts, "reason": self.reason or None, "mend": self.mend or None}


def code_of(outcomes: Sequence[Outcome]) -> int:
    """The exit code over all nodes: 0 all went well, 3 none could be reached, else 1."""
    if all(outcome.is_done for outcome in outcomes):
        return errors.DONE
    return errors.AGAIN if all(outcome.state in UNREACHED for outcome in outcomes) else errors.FAILED
