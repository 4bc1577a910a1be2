"""An envelope that a node works on: which of its tasks have ended, and which of those are recorded.

Owns the outcomes between the engine and their record. Tasks that end together are recorded together, and one that has ended
does not wait for a slow one that came in the same envelope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.cluster.recording import Recording, parts_of
from engine.cluster.records import Outcome, TaskEnvelope, TaskResult

__all__ = ["PART_S", "Work"]

#: Seconds from the end of a task until it is recorded without the others of its envelope: most others end by then.
PART_S = 0.02


class Work:
    """The work on an envelope. recording: what is recorded of it, as far as that was read.  node, incarnation: who does it.

    on_end: called at the end of each task.
    """

    def __init__(
        self, envelope: TaskEnvelope, recording: Recording, node: str, incarnation: str, on_end: Callable[[], None]
    ) -> None:
        self.envelope = envelope
        self._recording = recording
        self._node = node
        self._incarnation = incarnation
        self._on_end = on_end
        #: The outcomes of those of its tasks that are not to be done again.
        self.known = dict(recording.outcomes)
        self._unrecorded: dict[int, Outcome] = {}
        self._has_some = asyncio.Event()
        #: Tasks that have an outcome, and those that have none yet.
        self.ended = len(self.known)
        self.open = len(envelope.rows) - self.ended
        #: Tasks that another node was first with.
        self.superseded = 0

    def end(self, row: int, outcome: Outcome) -> None:
        """Hear of the end of a task."""
        self._unrecorded[row] = outcome
        self.ended += 1
        self.open -= 1
        self._has_some.set()
        self._on_end()

    async def some(self, doing: asyncio.Future[Any], within_s: float) -> None:
        """Return when all is done, a while after something has ended, or after so many seconds."""
        has_some = asyncio.ensure_future(self._has_some.wait())
        try:
            await asyncio.wait((doing, has_some), timeout=max(within_s, 0.0), return_when=asyncio.FIRST_COMPLETED)
        finally:
            has_some.cancel()
        if self._has_some.is_set():
            await asyncio.wait((doing,), timeout=PART_S)

    async def record(self) -> None:
        """Record what has ended since the last time."""
        self._has_some.clear()
        ended, self._unrecorded = sorted(self._unrecorded.items()), {}
        if not ended:
            return
        rows, outcomes = tuple(row for row, _ in ended), tuple(outcome for _, outcome in ended)
        is_first = rows == tuple(range(len(rows)))
        result = TaskResult(
            self.envelope.sender, self.envelope.id, self._node, self._incarnation, outcomes, () if is_first else rows
        )
        for part in parts_of(result):
            self.superseded += await self._recording.add(part)
