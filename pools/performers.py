"""Which agents of a worker have done most: counted by the slice, for a bounded share of the worker's time.

Owns the table of counts, its bound, and what it may cost. Where counting all tasks would cost more than that, slices are left
out, so a count is a lower bound; how many tasks were counted is told with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import nlargest
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pools.gauges import BUSY_NS, DONE

if TYPE_CHECKING:
    from pools.address import Key

__all__ = ["Performers"]

#: Nanoseconds that counting takes at most, for a slice and for each task of it.
SLICE_NS, TASK_NS = 600, 60
#: It may have one part in so many of the time in which tasks run, and so many nanoseconds on top of that: the first few
#: thousand tasks are counted however little they take.
PART, START_NS = 200, 1_000_000
#: Agents that are counted: a few megabytes. Past it the lower half of them is forgotten.
AGENTS = 20_000
#: Agents that are told of: one more than anybody shows would do, if no agent ever moved to another worker.
TOLD = 8
#: Seconds between two reports.
TELL_S = 1.0


class Performers:
    """The counts of one worker's process. cells: its row of gauges."""

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._counts: dict[str, Counter[Key]] = {}
        self._counted = 0
        self._spent_ns = 0
        #: From which gauge of busy time on the next slice is counted; what is done before that need not be told.
        self.due_ns = 0
        self._busy_ns, self._done = cells[BUSY_NS], cells[DONE]
        self._later: Callable[[float, Callable[[], None]], object] | None = None
        self._say: Callable[[dict[str, Any]], None] | None = None
        self._is_due = False

    def report(self, later: Callable[[float, Callable[[], None]], object], say: Callable[[dict[str, Any]], None]) -> None:
        """Tell of them from now on, at most each TELL_S seconds, and only where something was counted since."""
        self._later, self._say = later, say

    def done(self, kind: str, keys: Sequence[Key]) -> None:
        """Tasks of these agents are done."""
        if self._cells[BUSY_NS] < self.due_ns:
            return
        self._spend(SLICE_NS + TASK_NS * len(keys))
        counts = self._counts.get(kind)
        if counts is None:
            counts = self._counts[kind] = Counter()
        if len(keys) == 1:
            counts[keys[0]] += 1
        else:
            counts.update(keys)
        self._counted += len(keys)
        if len(counts) > AGENTS:
            self._forget()
        if not self._is_due and self._later is not None:
            self._is_due = True
            self._later(TELL_S, self._tell)

    def _spend(self, took_ns: int) -> None:
        self._spent_ns += took_ns
        self.due_ns = self._busy_ns + max(self._spent_ns - START_NS, 0) * PART

    def _forget(self) -> None:
        """Keep those that did most; what the others did is counted no more."""
        every = chain.from_iterable(zip(repeat(kind), keys.items(), strict=False) for kind, keys in self._counts.items())
        self._spend(TASK_NS * AGENTS)
        kept: dict[str, Counter[Key]] = {}
        for kind, (key, count) in nlargest(AGENTS // 2, every, key=_count):
            kept.setdefault(kind, Counter())[key] = count
        self._counts, self._counted = kept, sum(keys.total() for keys in kept.values())

    def _tell(self) -> None:
        self._is_due = False
        self._spend(TASK_NS * sum(map(len, self._counts.values())))
        if self._say is not None:
            self._say({"verb": "top", **self.facts()})

    def facts(self) -> dict[str, Any]:
        """Who did most: `rows` of kind, key and count, the most first; `counted` of the `done` tasks of this process."""
        every = [[kind, *row] for kind, keys in self._counts.items() for row in keys.most_common(TOLD)]
        rows = sorted(every, key=itemgetter(2), reverse=True)[:TOLD]
        return {"rows": rows, "counted": self._counted, "done": self._cells[DONE] - self._done}


def _count(row: tuple[str, tuple[Key, int]]) -> int:
    return row[1][1]
