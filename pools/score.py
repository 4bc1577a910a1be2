"""What a slice of tasks came to, counted: how many were done and failed, and whose were done.

Owns the two gauges of ended tasks where these come many at a time. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pools.errors import TaskCancelled
from pools.gauges import BUSY_NS, DONE, FAILED

if TYPE_CHECKING:
    from pools.job import Error, Job
    from pools.performers import Performers

__all__ = ["Score"]


class Score:
    """The counts of a worker. cells: its row of gauges.  performers: told whose tasks were done."""

    def __init__(self, cells: memoryview, performers: Performers) -> None:
        self._cells = cells
        self._performers = performers

    def count(self, job: Job, first: int, ended: Sequence[int], errors: list[Error]) -> None:
        """Count the tasks of a slice that have ended, which are those at some places from the first on.

        What was taken back is told like a failure, and is none.
        """
        cells, performers = self._cells, self._performers
        cells[DONE] += len(ended) - len(errors)
        if errors:
            cells[FAILED] += sum(error[1] != TaskCancelled.__name__ for error in errors)
        if cells[BUSY_NS] < performers.due_ns or job.residents is None:
            return
        keys = job.keys[first : first + len(ended)]
        if errors or type(ended) is list:
            failed = {error[0] for error in errors}
            keys = [job.keys[first + index] for index in ended if index not in failed]
        if keys:
            performers.done(job.residents.kind.name, keys)
