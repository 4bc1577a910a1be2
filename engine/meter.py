"""What of an engine is measured over a while: rates, shares of time, what it costs, who did most.

Owns the looks at it, one a second, and the windows that they fill. It sends no message: it reads gauges, counts, and what the
kernel says of the engine's processes. What a document of `stats` says by itself is not measured again.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.consumption import Consumption
from engine.machine import Machine, read_machine
from engine.pace import Pace
from pools.address import address_of
from pools.gauges import AWAITING, BUSY_SINCE_NS, BYTES_IN, BYTES_OUT, QUEUED
from pools.usage import cpu_s, written_bytes
from pools.window import Window

if TYPE_CHECKING:
    from pools.address import Key
    from pools.station import Station
    from pools.swarm import Swarm

__all__ = ["SHORT_S", "TOP", "Meter", "active_in"]

#: Seconds of the window for what is shown by the second: long enough to be read, short enough to be seen to change.
SHORT_S = 10.0
#: Agents that are shown as those who did most.
TOP = 3
#: Seconds of an hour, by which cpu and machine are priced.
HOUR_S = 3_600.0


class Meter:
    """The measures of an engine.

    counts: the six counts of tasks.  asked: how many agents of a worker have tasks.  price: currency, cpu_hour and
    machine_hour, as sprints take it; None for none.  clock: monotonic seconds.
    """

    def __init__(
        self,
        swarm: Swarm,
        counts: Callable[[], Mapping[str, int]],
        *,
        asked: Callable[[Station], int] = lambda _seat: 0,
        price: Mapping[str, Any] | None = None,
        machine: Machine | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._swarm = swarm
        self._counts = counts
        self._asked = asked
        self._price = price
        self.machine = machine or read_machine()
        self._clock = clock
        self._began_s = clock()
        #: Bytes of frames on the engine's own sockets, which are added to those between it and its workers.
        self.traffic: Callable[[], int] = lambda: 0
        first = counts()
        self._first_done, self._first_late = first["done"], first["expired"]
        self._done, self._late, self._busy = Window(), Window(), Window()
        self._cpu, self._network, self._disk = Window(SHORT_S), Window(SHORT_S), Window(SHORT_S)
        own = os.getpid()
        self._cpu_used, self._written = Consumption(cpu_s, (own,)), Consumption(written_bytes, (own,))
        #: Of each worker, in the order of the seats.
        self.paces = [Pace(seat.cells, SHORT_S) for seat in swarm.seats]

    def look(self, now_s: float) -> None:
        """Note what there is now; once a second or so. now_s: by the clock."""
        pids = [os.getpid(), *(seat.pid for seat in self._swarm.seats if seat.pid is not None)]
        self._cpu_used.look(pids)
        self._written.look(pids)
        for pace in self.paces:
            pace.look(now_s)
        counts = self._counts()
        self._done.look(counts["done"] - self._first_done, now_s)
        self._late.look(counts["expired"] - self._first_late, now_s)
        self._busy.look(self._busy_s(), now_s)
        self._network.look(self._bytes(), now_s)
        for window, used in ((self._cpu, self._cpu_used.total), (self._disk, self._written.total)):
            if used is not None:
                window.look(used, now_s)

    def _busy_s(self) -> float:
        return sum(pace.busy_s for pace in self.paces)

    def _bytes(self) -> int:
        return sum(seat.cells[BYTES_IN] + seat.cells[BYTES_OUT] for seat in self._swarm.seats) + self.traffic()

    @property
    def cpu_used_s(self) -> float | None:
        """Seconds of cpu that engine and workers have used, at the last look; None where that cannot be known."""
        return self._cpu_used.total

    @property
    def written_bytes(self) -> float | None:
        """Bytes that they have written, at the last look; None where that cannot be known."""
        return self._written.total

    # -- what it says --------------------------------------------------------------------------------------------------

    @property
    def active(self) -> int:
        """Agents that run, wait within a task, or have one queued, wherever it waits."""
        return sum(map(self.active_of, self._swarm.seats))

    def active_of(self, seat: Station) -> int:
        """Those of one worker: as it counts them itself, which it does between tasks, or as far as they are asked from here."""
        return max(active_in(seat.cells) if seat.pid is not None else 0, self._asked(seat))

    def done_per_min(self) -> int:
        """Tasks done in the last minute."""
        return int(self._done.grown(self._counts()["done"] - self._first_done, self._clock()))

    def late_per_min(self) -> int:
        """Tasks that expired in the last minute."""
        return int(self._late.grown(self._counts()["expired"] - self._first_late, self._clock()))

    def efficiency(self) -> float | None:
        """The share of the workers' time in which they ran tasks, in the last minute."""
        rate = self._rate(self._busy, self._busy_s())
        return None if rate is None or not self.paces else min(rate / len(self.paces), 1.0)

    def cpu(self) -> float | None:
        """The share of the cores that engine and workers had."""
        rate = self._rate(self._cpu, self._cpu_used.total)
        return None if rate is None else min(rate / self.machine.cores, 1.0)

    def network_bytes_per_s(self) -> float | None:
        """Bytes of frames."""
        return self._rate(self._network, self._bytes())

    def disk_bytes_per_s(self) -> float | None:
        """Bytes that were written."""
        return self._rate(self._disk, self._written.total)

    def _rate(self, window: Window, total: float | None) -> float | None:
        return None if total is None else window.rate(total, self._clock(), self._began_s)

    def cost(self) -> dict[str, Any] | None:
        """What the machine and its cpu have cost since the engine began; None without a price."""
        if self._price is None or self._cpu_used.total is None:
            return None
        from sprints.cost import read_price

        price = read_price(self._price)
        if price is None:
            return None
        hours = self._cpu_used.total * price.cpu_hour + (self._clock() - self._began_s) * price.machine_hour
        providers = {"local": round(hours / HOUR_S, 9)}
        return {"currency": price.currency, "providers": providers, "total": sum(providers.values())}

    def top(self) -> list[dict[str, Any]]:
        """Who did most, the most first."""
        counts: Counter[tuple[str, Key]] = Counter()
        counted = done = 0
        for seat in self._swarm.seats:
            counts.update(seat.podium.rows())
            counted, done = counted + seat.podium.counted, done + seat.podium.done
        share = round(min(counted / done, 1.0), 6) if done else None
        there = (row for row in counts.most_common() if self._swarm.placement.has(*row[0]))
        return [
            {"agent": address_of(kind, key), "kind": kind, "done": count, "counted": share}
            for ((kind, key), count), _ in zip(there, range(TOP), strict=False)
        ]


def active_in(cells: memoryview) -> int:
    """The active agents of a worker: while anything runs, there is one."""
    return max(int(cells[AWAITING] + cells[QUEUED]), int(cells[BUSY_SINCE_NS] > 0))
