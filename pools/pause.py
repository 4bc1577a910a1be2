"""A thread that writes a store, held for a moment.

Owns the wait. It is for stores that are written by one thread of the engine's own; a worker's ledger holds itself.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkpoints.commitlog import CommitLog

__all__ = ["Pause"]

#: Seconds after which it goes on by itself, whatever became of who held it.
MOST_S = 10.0


class Pause:
    """Holds a thread. thread: which writes nothing but what it was given.  log: what it writes."""

    def __init__(self, thread: ThreadPoolExecutor, log: CommitLog) -> None:
        self._thread = thread
        self._log = log
        self._gate = threading.Event()

    async def hold(self) -> list[int]:
        """Have nothing written until `go_on`; returns the segment that is written, and its bytes."""
        loop = asyncio.get_running_loop()
        reached: asyncio.Future[list[int]] = loop.create_future()
        gate = self._gate = threading.Event()

        def wait() -> None:
            loop.call_soon_threadsafe(_tell, reached, [self._log.segment, self._log.segment_bytes])
            gate.wait(MOST_S)

        self._thread.submit(wait)
        return await reached

    def go_on(self) -> None:
        """Let it write again."""
        self._gate.set()


def _tell(reached: asyncio.Future[list[int]], place: list[int]) -> None:
    if not reached.done():
        reached.set_result(place)
