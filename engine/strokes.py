"""Tasks whose sender waits, counted a second time, for who counts again.

Owns strokes and nothing else. The tally makes one with each event, as a call for each task would cost more than the counting;
its own numbers have no part in that.
"""

from __future__ import annotations

from collections.abc import Sequence

from pools.errors import Failure

__all__ = ["Strokes"]

#: What an end is, by the type of the failure; of any other type the task failed.
ENDS = {"TaskCancelled": "cancelled", "TaskExpired": "expired"}


class Strokes:
    """The strokes. came, went: tasks that were accepted, and that ended.  undone: of these, by how they were not done."""

    __slots__ = ("came", "undone", "went")

    def __init__(self) -> None:
        self.came = self.went = 0
        self.undone = {"failed": 0, "cancelled": 0, "expired": 0}

    def undo(self, failures: Sequence[tuple[int, Failure]]) -> None:
        """Tasks ended that were not done."""
        for _, failure in failures:
            self.undone[ENDS.get(failure.type, "failed")] += 1

    def row(self) -> list[int]:
        """came, went, failed, cancelled and expired."""
        return [self.came, self.went, *self.undone.values()]
