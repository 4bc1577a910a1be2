"""The daybook: what is counted and leaves no record of its own, written into the journal of tasks.

Owns when that is written: once a second where something happened, and at once when somebody is about to count again. A row has
sums since the engine began, so the newest says all, and those of the last minute say how fast. There is a row for each of the
last few minutes' seconds and no more, whatever the age of the engine: compaction keeps these. It costs a task nothing.
"""

from __future__ import annotations

import time
from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.rows import Rows
from pools.gauges import BUSY_NS, BUSY_SINCE_NS, BYTES_IN, BYTES_OUT, DONE, FAILED, RESTARTED

if TYPE_CHECKING:
    from engine.meter import Meter
    from engine.strokes import Strokes
    from engine.task import Ending
    from pools.swarm import Swarm

__all__ = ["Daybook"]

#: Kinds of its records: who restores the tasks of a journal passes them over.
COUNT, TOP = "count", "top"
#: came to cancelled: of tasks whose sender waits.  landed: accepted tasks that were done.  ran: tasks that workers did.
#: cpu_s, written_bytes: null where they cannot be known.  prices: of an hour of cpu, and of the machine, or null.
#: clock_s, up_s: monotonic seconds, now and when the engine began.  lag_s: how long before that `time_s` was, as what is shown
#: takes its time to be made.  number: of the row.  is_look: whether it was made in the usual turn.
COUNT_FIELDS = [
    "came", "went", "failed", "cancelled", "expired", "landed", "ran", "errors", "recoveries", "busy_s",
    "frames_bytes", "cpu_s", "written_bytes", "workers", "cores", "prices",
    "began_s", "time_s", "clock_s", "up_s", "lag_s", "number", "is_look",
]  # fmt: skip
#: number: of the row it goes with.  workers: of each the kind, key and count of those who did most.
TOP_FIELDS = ["number", "began_s", "workers"]
#: Rows that are kept: one a second for a little more than the longest window, and those that were asked for meanwhile.
ROWS = 256
#: Seconds that a document may take to be made.
LAG_S = 5.0
#: Seconds between two times that those are written who did most, where nobody asks.
TOP_S = 60.0


class Daybook:
    """The rows of one engine. strokes: of tasks whose sender waits.  write: has rows written, done once they are.

    meter: what has measured processor and disk.  price: as for the meter.  began_s: when the engine began, in unix time.
    """

    def __init__(
        self,
        swarm: Swarm,
        strokes: Strokes,
        meter: Meter,
        write: Callable[[list[Rows]], Future[None]],
        *,
        price: Mapping[str, Any] | None,
        began_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._swarm, self._strokes, self._meter, self._write = swarm, strokes, meter, write
        self._prices = None if price is None else [price.get("cpu_hour", 0.0), price.get("machine_hour", 0.0)]
        self._began_s, self._clock, self._wall_s = began_s, clock, wall_s
        self._up_s = clock()
        self._landed = 0
        self._rows = 0
        self._last: list[Any] = []
        self._top_s = self._up_s

    def landed(self, endings: Sequence[Ending]) -> None:
        """The ends of accepted tasks are written down."""
        self._landed += len([None for ending in endings if ending.state == "done"])

    def look(self, now_s: float) -> None:
        """Write a row if anything has happened since the last look; once a second. now_s: by the clock."""
        told = self._told(now_s)
        if told == self._last:
            return
        self._last = told
        rows = [self._row(told, now_s, self._wall_s(), is_look=True)]
        if now_s - self._top_s >= TOP_S:
            rows.append(self._tops())
        self._write(rows).add_done_callback(_heard)

    def write(self, time_s: float) -> tuple[int, Future[None]]:
        """Write down how it stands now, whatever was written before: the number of the row, and a future done once it is there.

        time_s: the moment, in unix time.  The future gives IntakeFull while the disk is full, JournalFailed.
        """
        now_s = self._clock()
        row = self._row(self._told(now_s), now_s, time_s, is_look=False)
        return self._rows - 1, self._write([row, self._tops()])

    def close(self) -> None:
        """Write down how it stood last."""
        self.write(self._wall_s())[1].add_done_callback(_heard)

    def _told(self, now_s: float) -> list[Any]:
        """What has happened, in the order of the first fields."""
        seats = self._swarm.seats
        failed = deaths = mended = 0
        for seat in seats:
            failed += seat.cells[FAILED]
            mended += seat.cells[RESTARTED] + seat.returns
            deaths += seat.restarts + (1 if seat.state in ("down", "backoff") else 0)
        mended += sum(self._swarm.healer.mends.values())
        busy_ns = 0
        for seat in seats:
            since_ns = seat.cells[BUSY_SINCE_NS]
            busy_ns += seat.cells[BUSY_NS] + (max(int(now_s * 1e9) - since_ns, 0) if since_ns else 0)
        ran = sum(seat.cells[DONE] for seat in seats)
        return [*self._strokes.row(), self._landed, ran, failed + deaths, mended, round(busy_ns / 1e9, 6)]

    def _row(self, told: list[Any], now_s: float, time_s: float, *, is_look: bool) -> Rows:
        meter = self._meter
        frames_bytes = sum(seat.cells[BYTES_IN] + seat.cells[BYTES_OUT] for seat in self._swarm.seats) + meter.traffic()
        measured = [frames_bytes, meter.cpu_used_s, meter.written_bytes, len(self._swarm.seats), meter.machine.cores]
        lag_s = min(max(self._wall_s() - time_s, 0.0), LAG_S)  # clocks may have been set meanwhile
        moment = [self._began_s, time_s, round(now_s, 6), round(self._up_s, 6), round(lag_s, 6), self._rows, is_look]
        slot, self._rows = self._rows % ROWS, self._rows + 1
        return Rows(COUNT, COUNT_FIELDS, [slot], [[*told, *measured, self._prices, *moment]])

    def _tops(self) -> Rows:
        """Who did most, by worker."""
        self._top_s = self._clock()
        podiums = [seat.podium.rows().items() for seat in self._swarm.seats]
        workers = [[[kind, key, count] for (kind, key), count in rows] for rows in podiums]
        return Rows(TOP, TOP_FIELDS, ["top"], [[self._rows - 1, self._began_s, workers]])


def _heard(written: Future[None]) -> None:
    """A row that could not be written is followed by another one."""
    if not written.cancelled():
        written.exception()
