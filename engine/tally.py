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

    accepted = done + failed + cancelled + expired + open.  beside: told of the same events; None for nobody.
    """

    __slots__ = ("_beside", "accepted", "cancelled", "done", "expired", "failed")

    def __init__(self, beside: Strokes | None = None) -> None:
        self._beside = beside
        self.accepted = self.done = self.failed = self.cancelled = self.expired = 0

    @property
    def open(self) -> int:
        """Accepted and not ended."""
        return self.accepted - self.done - self.failed - self.cancelled - self.expired

    def accept(self, count: int) -> None:
        """Note tasks that were accepted."""
        self.accepted += count
        if self._beside is not None:
            self._beside.accept(count)

    def end(self, count: int, failures: Sequence[tuple[int, Failure]]) -> None:
        """Note tasks that ended, and how those failed that did."""
        if self._beside is not None:
            self._beside.end(count, failures)
        self.done += count - len(failures)
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
