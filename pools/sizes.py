"""How much memory processes use, read no more often than that is worth.

Owns the pace: the kernel walks all pages of a process for one answer, which takes longer the larger it is. Who needs an exact
size reads it himself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["REST", "UNSEEN_REST", "Sizes"]

#: A size is read again after so many times as long as reading all of them takes: 1/200 of one processor, however often it is
#: asked for.
REST = 200
#: The same where nobody looks, and what is shown is recorded all the same: 1/2,500.
UNSEEN_REST = 2_500
#: Seconds after which the size of a process that nobody asks for is forgotten.
KEPT_S = 600.0


class _Size(NamedTuple):
    at_s: float
    took_s: float
    size_bytes: int


class Sizes:
    """The sizes. read: reads one, in bytes.  clock: seconds, of which a read takes some.

    rest: how many times as long as reading all takes a size is believed; whoever looks may change it for a while.
    """

    def __init__(self, read: Callable[[int], int], clock: Callable[[], float] = time.perf_counter) -> None:
        self._read = read
        self._clock = clock
        self._known: dict[int, _Size] = {}
        self._took_s = 0.0
        self.rest = REST

    def of(self, pid: int) -> int:
        """Bytes of a process, as they were at most a few seconds ago."""
        known, now_s = self._known.get(pid), self._clock()
        if known is not None and now_s - known.at_s < self._took_s * self.rest:
            return known.size_bytes
        size_bytes = self._read(pid)
        ended_s = self._clock()
        if known is None:
            self._known = {each: size for each, size in self._known.items() if now_s - size.at_s < KEPT_S}
        self._known[pid] = _Size(ended_s, ended_s - now_s, size_bytes)
        self._took_s = sum(size.took_s for size in self._known.values())
        return size_bytes
