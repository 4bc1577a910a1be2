"""The steps of flows for those on the other side of the socket, who come for them again and again.

Owns a ring of what was told lately. It listens while somebody comes, and no longer: an engine that nobody asks tells nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from sprints.listeners import Listeners, Stepped

__all__ = ["EVENTS", "LISTEN_S", "PAGE", "FlowFeed"]

#: Steps that are kept for those who come late: a second or so of a busy engine.
EVENTS = 20_000
#: Steps in one answer.
PAGE = 2_000
#: Seconds without anybody who comes, after which it listens no more.
LISTEN_S = 30.0


class FlowFeed:
    """What was told lately of flows. listeners: those of the engine.  listen_s: as LISTEN_S."""

    def __init__(self, listeners: Listeners, listen_s: float = LISTEN_S) -> None:
        self._listeners = listeners
        self._listen_s = listen_s
        self._ring: deque[Stepped] = deque(maxlen=EVENTS)
        #: The number of the next step; those in the ring are the ones before it.
        self._next = 0
        self._end: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told = asyncio.Event()

    async def read(self, pattern: str, since: int | None, wait_s: float) -> dict[str, Any]:
        """The steps from number `since` on that are like the pattern, waiting for the first of any; None is from now on.

        next: the number to ask for then.  lost: steps that nobody kept, at least.
        """
        self._listen()
        if since is None:
            return {"next": self._next, "lost": 0, "steps": []}
        if since >= self._next:
            self._told.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._told.wait()
            except TimeoutError:
                pass
            self._listen()
        oldest = self._next - len(self._ring)
        start = max(since, oldest)
        found = list(islice(self._ring, start - oldest, start - oldest + PAGE))
        steps = [list(step) for step in found if fnmatchcase(step.name, pattern)]
        return {"next": start + len(found), "lost": max(oldest - since, 0), "steps": steps}

    def _listen(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._end is None:
            self._end = self._listeners.subscribe("*:*", self._take)
        self._timer = asyncio.get_running_loop().call_later(self._listen_s, self._stop)

    def _take(self, step: Stepped) -> None:
        self._ring.append(step)
        self._next += 1
        self._told.set()

    def _stop(self) -> None:
        """Nobody comes any more; who does after all is told that something was missed."""
        if self._end is not None:
            self._end()
        self._end = self._timer = None
        self._ring.clear()
        self._next += 1
