"""The six counts of tasks.

Owns nothing but numbers: who accepts tasks and who ends them tell it.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.strokes import Strokes
from pools.errors import Failure

__all__ = ["Tally"]


class Tally:
    """The six counts of tasks. One writer; read at once, they always add up.

    accepted = done + failed + cancelled + expired + open.  strokes: the same events, counted a second time.
    """

    __slots__ = ("accepted", "cancelled", "done", "expired", "failed", "strokes")

    def __init__(self) -> None:
        self.strokes = Strokes()
        self.accepted = self.done = self.failed = self.cancelled = self.expired = 0

    @property
    def open(self) -> int:
        """Accepted and not ended."""
        return self.accepted - self.done - self.failed - self.cancelled - self.expired

    def accept(self, count: int) -> None:
        """Note tasks that were accepted."""
        self.accepted += count
        self.strokes.came += count

    def end(self, count: int, failures: Sequence[tuple[int, Failure]]) -> None:
        """Note tasks that ended, and how those failed that did."""
        self.strokes.went += count
        self.done += count - len(failures)
        if failures:
            self.strokes.undo(failures)
        for _, failure in failures:
            if failure.type == "TaskCancelled":
                self.cancelled += 1
            elif failure.type == "TaskExpired":
                self.expired += 1
            else:
                self.failed += 1

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {
            "accepted": self.accepted,
            "done": self.done,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "expired": self.expired,
            "open": self.open,
        }
