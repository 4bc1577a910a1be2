"""One deploy on its way: worker by worker to the new code, and back.

Owns the processes with the code before, kept warm until nobody needs them, and the counts of tasks on both sides. When to go on
and when to go back is decided by `deploys`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence

from pools.code import Code
from pools.errors import PoolError, PoolUnavailable
from pools.gauges import DONE, FAILED
from pools.pool import pss_bytes
from pools.refusal import WHY, state_in
from pools.station import Back, Station
from pools.understudy import Understudy
from pools.verdict import Tasks, is_worse

__all__ = ["WARM_BYTES", "Roll"]

#: Bytes of all processes that are kept warm; past it a worker's is ended, and a new one is started if it is needed.
WARM_BYTES = 1 << 30
#: Seconds within which a worker has to come to rest for new code, and for the old one: that is taken by force where it must be.
FORTH_S, BACK_S = 30.0, 0.3
#: Seconds between two rounds in which the warm processes read what was written since, so that little is left for the way back.
FOLLOW_S = 1.0
#: Deaths of one worker with new code that take it back: one may be anybody's.
DEATHS = 3


class Roll:
    """The way from one code to the next.

    back: the fields that the old code has of kinds whose state changes.  prepare: starts a process that has loaded some code.
    """

    def __init__(
        self,
        stations: Sequence[Station],
        old: Code,
        new: Code,
        back: Back,
        prepare: Callable[[Code, Station], Awaitable[Understudy]],
    ) -> None:
        self.old, self.new, self.back = old, new, back
        self._stations = stations
        self._prepare = prepare
        #: The process of the code before, of each worker that has one.
        self.warm: dict[Station, Understudy] = {}
        self._began = {station: _counted(station) for station in stations}
        self._moved: dict[Station, Tasks] = {}
        self._restarts: dict[Station, int] = {}
        self._before = Tasks()
        self._following: asyncio.Task[None] | None = None
        self._is_refused = False
        self._stay_count = 0
        self._stay: list[str] = []

    @property
    def fresh(self) -> list[Station]:
        """The workers that run the new code."""
        return [station for station in self._stations if station.number == self.new.number]

    @property
    def warm_bytes(self) -> int:
        """Memory of the warm processes: their proportional set sizes."""
        return sum(pss_bytes(one.process.pid) for one in self.warm.values() if one.process.pid is not None and one.is_up)

    @property
    def remainder(self) -> str:
        """How many states the new code could not take back, and some of them, in words; nothing where there is none."""
        if not self._stay:
            return ""
        what = "; states that the new code did not take back, which it alone can read"
        return f"{what}: {self._stay_count:,}, of {'; '.join(self._stay)}"

    def tasks(self) -> tuple[Tasks, Tasks]:
        """The tasks of the new code since its workers have it, and those of the old one since the deploy began."""
        new, old = Tasks(), self._before
        for station in self._stations:
            now = _counted(station)
            if station in self._moved:
                new = new.more(now.since(self._moved[station]))
            else:
                old = old.more(now.since(self._began[station]))
        return new, old

    def resume(self, old: Tasks) -> None:
        """Be where a roll was when all workers had the new code, in an engine before. old: the tasks of the old one."""
        self._before = old
        self._moved = {station: _counted(station) for station in self._stations}
        self._restarts = {station: station.restarts for station in self._stations}
        self._following = asyncio.get_running_loop().create_task(self._warm_up())

    def _count_anew(self) -> None:
        self._before = Tasks()
        self._began = {station: _counted(station) for station in self._stations}
        self._moved = {station: self._began[station] for station in self._moved}
        self._restarts = {station: station.restarts for station in self._moved}

    def wrong(self, bound: float) -> str:
        """What is wrong with the new code, in words; nothing where nothing is. bound: as in `is_worse`.

        What fails while a store takes no changes says nothing of the code, and is not counted.
        """
        was_refused, self._is_refused = self._is_refused, any(state_in(station.cells) for station in self._stations)
        if was_refused or self._is_refused:
            self._count_anew()
            return ""
        new, old = self.tasks()
        if is_worse(new, old, bound):
            return (
                f"{new.rate:.1%} of {new.total:,} tasks failed with the new code, {old.rate:.1%} of {old.total:,} with the old "
                f"one; the bound is {bound:.1%} more"
            )
        deaths = max((station.restarts - self._restarts[station] for station in self._moved), default=0)
        return f"a worker with the new code died {deaths} times" if deaths >= DEATHS else ""

    def divided(self, share_of: Callable[[Station], float], share: float) -> tuple[list[Station], list[Station]]:
        """The workers that are first, which have no more than that share of the agents, or are one; and the others."""
        stations = sorted(self._stations, key=lambda one: (not share_of(one), share_of(one)))
        first, taken = stations[:1], share_of(stations[0])
        for station in stations[1:]:
            if taken + share_of(station) <= share + 1e-9:
                first.append(station)
                taken += share_of(station)
        return first, [station for station in stations if station not in first]

    async def forth(self, station: Station) -> None:
        """Give a worker the new code. Raises PoolError where that does not work; then it runs the old one."""
        heir = await self._prepare(self.new, station)
        try:
            if station.folder is not None:
                await heir.read_ahead(station.folder)  # while the one that works goes on
            left = await station.give_way({}, FORTH_S)
            if left is None and not station.link.is_kept:
                raise PoolUnavailable(f"its tasks did not come to rest within {FORTH_S:.0f} s")
            if left is None:
                await station.make_way("its code is changed")
        except BaseException:
            await heir.close()
            raise
        self._before = self._before.more(_counted(station).since(self._began[station]))
        self._moved[station], self._restarts[station] = _counted(station), station.restarts
        try:
            await station.succeed(heir, left)
        except PoolError:
            del self._moved[station]
            self._began[station] = _counted(station)
            raise
        if left is not None:
            self.warm[station] = left
            await self._follow(station)
            if self._following is None and station.folder is not None:
                self._following = asyncio.get_running_loop().create_task(self._follow_all())

    async def _warm_up(self) -> None:
        """Have a process with the old code for each worker; one that cannot be started is tried again when it is needed."""
        for station in self._stations:
            with contextlib.suppress(PoolError, OSError):
                self.warm[station] = await self._prepare(self.old, station)
                await self._follow(station)
        await self._follow_all()

    async def _follow_all(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_S)
            for station in list(self.warm):
                await self._follow(station)

    async def _follow(self, station: Station) -> None:
        """Have a warm process read what was written since it gave way; one too many, or that does not, is warm no more."""
        one = self.warm.get(station)
        if one is None:
            return
        try:
            if station.folder is not None:
                await one.read_ahead(station.folder)
            is_wanted = self.warm_bytes <= WARM_BYTES
        except PoolError:
            is_wanted = False
        if not is_wanted and self.warm.pop(station, None) is not None:
            await one.close()

    async def _stop_following(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.wait([following])

    async def home(self, stations: Iterable[Station]) -> list[str]:
        """Give workers the old code again, all at once; returns what went wrong with those that have the new one still."""
        await self._stop_following()
        meant = list(stations)
        ended = await asyncio.gather(*map(self._home, meant), return_exceptions=True)
        wrong = [(station, error) for station, error in zip(meant, ended, strict=True) if error is not None]
        for _, error in wrong:
            if not isinstance(error, (PoolError, OSError)):
                raise error
        there = [(station, error) for station, error in wrong if station.number == self.new.number]  # others begin with the old
        return [f"worker {station.name}: {error}" for station, error in there]

    async def _home(self, station: Station) -> None:
        if self.back and (refusal := state_in(station.cells)):
            raise PoolUnavailable(f"its states cannot be taken back now: {WHY[refusal]}")
        heir = self.warm.pop(station, None)
        if heir is None or not heir.is_up:
            heir = await self._prepare(self.old, station)
        try:
            left = await self._taken_back(station)
        except BaseException:
            self.warm[station] = heir  # for the next try
            raise
        await station.adopt(heir)
        self._moved.pop(station, None)
        if left is not None:
            self._stay_count += left.stay[0]
            self._stay += left.stay[1:]
            await left.close()

    async def _taken_back(self, station: Station) -> Understudy | None:
        """The process that has given up a worker's place, with its states taken back; None where it had to be ended."""
        left = await station.give_way(self.back, BACK_S)
        if left is not None:
            return left
        between = await self._prepare(self.new, station) if self.back else None
        await station.make_way("its code is changed back")
        return None if between is None else await station.pass_through(between, self.back)

    async def cool(self) -> None:
        """End the warm processes."""
        await self._stop_following()
        warm, self.warm = self.warm, {}
        await asyncio.gather(*(one.close() for one in warm.values()))


def _counted(station: Station) -> Tasks:
    return Tasks(station.cells[DONE], station.cells[FAILED])
