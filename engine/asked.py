"""Which agents the engine has tasks for, whether a worker has read them yet or not.

Owns how often that is looked at: a look walks over tasks, so it is followed by a rest of many times its length, and what waits
for a worker in great numbers is not looked at to its end. A busy worker counts nothing of what it has not read; this does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from pools.address import parse
from pools.addressees import addressees

if TYPE_CHECKING:
    from engine.turnstile import Turnstile
    from engine.way import Way
    from pools.link import Link

__all__ = ["MOST", "Asked"]

#: Tasks of a worker that are looked at: some 10 ms of the loop. Of those that wait behind them the agents are not known.
MOST = 65_536
#: Times as long as a look took it rests: it has 1/200 of the time.
REST = 200


class Asked:
    """The agents that are asked.

    way: to a link, where accepted tasks wait.  sick: records of agents that count otherwise.
    """

    def __init__(
        self,
        way: Callable[[Link], Way | None],
        sick: Callable[[], Iterable[Mapping[str, Any]]],
        clock: Callable[[], float] = time.monotonic,
        cpu_s: Callable[[], float] = time.thread_time,
    ) -> None:
        self._way = way
        self._sick = sick
        self._clock, self._cpu_s = clock, cpu_s
        #: By link, when it may be looked at again, and what was seen there last.
        self._seen: dict[int, tuple[float, int]] = {}

    def count(self, link: Link) -> int:
        """How many agents have tasks at a link, or before it; each once, and none that is in quarantine."""
        now_s = self._clock()
        way = self._way(link)
        behind = None if way is None else way.waiting
        tasks = sum([flight.left for flight in link.flights.values()]) + link.waiting + (0 if behind is None else len(behind))
        due_s, count = self._seen.get(id(link), (now_s, 0))
        if tasks and now_s >= due_s:
            began_s = self._cpu_s()
            count = self._look(link, behind)
            self._seen[id(link)] = now_s + (self._cpu_s() - began_s) * REST, count
        return min(count, tasks)  # what has ended since the last look is active no more

    def _look(self, link: Link, behind: Turnstile | None) -> int:
        found = addressees(link.flights.values(), link.lanes, MOST)
        for _, kind, key in () if behind is None else islice(behind, max(MOST - link.open, 0)):
            found.setdefault(kind, set()).add(key)
        for entry in self._sick():
            kind, key = parse(entry["agent"])
            found.get(kind, set()).discard(key)
        return sum(map(len, found.values()))
