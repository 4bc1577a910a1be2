"""A worker's place whose process can be replaced by another one between two tasks: nobody's task fails, and none waits long.

Owns the moment: new tasks are held back while those under way end, then the process gives up all that it holds. One that does
not come to rest goes on, and is asked again later. What a process hands over is `relay`'s business.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pools.channel import Channel
from pools.errors import PoolError, PoolUnavailable
from pools.handover import ask_for_record
from pools.podium import Podium
from pools.process import WorkerProcess
from pools.seat import Seat
from pools.spec import START_S
from pools.understudy import Understudy

__all__ = ["Back", "Station"]

#: Seconds for which tasks are held back while those under way end, and the pause before the next try, in which they go on.
HOLD_S, PAUSE_S = 0.1, 0.2
#: Seconds between two looks at whether they have ended.
LOOK_S = 0.001

#: The fields of the code before, by kind, where what is kept must be taken back to them.
Back = Mapping[str, Sequence[str]]


class Station(Seat):
    """A seat whose process may be another one from now on.

    pool: its number.  number: of the code that it runs.  folder: of its store, None where nothing is kept.
    """

    pool = 0
    number = 1
    folder: str | None = None

    @cached_property
    def podium(self) -> Podium:
        """Who did most here."""
        return Podium()

    def _begin(self, process: WorkerProcess, channel: Channel) -> None:
        self.podium.begin()
        super()._begin(process, channel)

    def _on_status(self, channel: Channel, said: dict[str, Any]) -> None:
        if said["verb"] == "top":
            self.podium.hear(said)
        else:
            super()._on_status(channel, said)

    def admit(self, pid: int) -> None:
        """Put a process that may take this place under the limits of its pool."""
        self._admit(pid)

    async def give_way(self, back: Back, patience_s: float) -> Understudy | None:
        """Have its process give up all that it holds; None where it does not come to rest in time, and then it goes on.

        Until another process is adopted, what is asked of this worker waits.
        """
        deadline_s = time.monotonic() + patience_s
        while True:
            left = await self._try(back)
            if left is not None or time.monotonic() > deadline_s:
                return left
            await asyncio.sleep(PAUSE_S)

    async def _try(self, back: Back) -> Understudy | None:
        until_s = time.monotonic() + HOLD_S
        left = None
        try:
            while left is None and time.monotonic() < until_s and self.state == "running":
                self.link.pause()  # each time: a process that has begun meanwhile would be sent tasks
                if not self.link.open:
                    self.inner.pause()  # not before: what is under way may wait for agents of this worker
                    left = None if self.inner.open else await self._rest(back)
                if left is None:
                    await asyncio.sleep(LOOK_S)
        finally:
            if left is None and self._is_told:
                for link in (self.link, self.inner):
                    link.go_on()
        return left

    async def _rest(self, back: Back) -> Understudy | None:
        process, channel, asked = self.process, self._channel, self._asked
        if process is None or channel is None or self.state != "running":
            return None
        answer = asked.give(channel, {"verb": "rest", "back": back})
        asked.hold()
        try:
            async with asyncio.timeout(START_S):
                stay = await answer
        except PoolError:
            return None  # it has died
        except TimeoutError:
            self.kill("it did not give up its place")
            return None
        if stay is None or channel is not self._channel:
            asked.go_on(channel)
            return None
        self._is_told = False
        if self._gateway is not None:
            self._gateway.close()
        if self.link.sight is not None:
            self.link.sight.breakers.gone(self.name)
        return Understudy(self.number, process, channel, asked, stay)

    async def make_way(self, reason: str) -> None:
        """End its process, with its unfinished tasks on record; nobody is charged with that. Another one is adopted then."""
        if self.link.is_kept:
            await ask_for_record(self, reason)
        await self._vacate()

    async def _vacate(self) -> None:
        """Have no process in this place, and none to come."""
        self._is_leaving = True
        try:
            while self.process is not None:
                self.process.kill()
                await asyncio.shield(self._gone)
        finally:
            self._is_leaving = False
        if self._timer is not None:
            self._timer.cancel()

    async def pass_through(self, heir: Understudy, back: Back) -> Understudy:
        """Have a process take the place for no task, only to give it up at once, with what is kept taken back.

        Raises PoolError where it does not; then another process begins there, with the same code.
        """
        self._is_mute = True
        try:
            await self.adopt(heir)
            async with asyncio.timeout(START_S):
                while (left := await self._rest(back)) is None:
                    if self.process is not heir.process:
                        raise PoolUnavailable(f"the process that takes back the states of {self.name} has died")
                    await asyncio.sleep(LOOK_S)
        except BaseException as error:
            await self._vacate()
            self._again()
            if isinstance(error, TimeoutError):
                raise PoolUnavailable(f"the states of {self.name} were not taken back within {START_S:.0f} s") from error
            raise
        finally:
            self._is_mute = False
        return left

    async def succeed(self, heir: Understudy, left: Understudy | None) -> None:
        """Adopt a process; where it fails, the one that gave way has its place again. Raises PoolError then."""
        given = list(self._given)
        try:
            await self.adopt(heir)
        except PoolError:
            if left is not None:
                await self._vacate()
                self._given, self.number = given, left.number
                if left.is_up:
                    await self.adopt(left)
                else:
                    self._again()
            raise

    def adopt(self, heir: Understudy) -> Future[None]:
        """Have a process that holds nothing take the place; the future is done when it is ready."""
        if self._timer is not None:
            self._timer.cancel()
        waited, self.reason, self.number = self._asked.taken(), "", heir.number
        self._begin(heir.process, heir.channel)
        self._asked, self._is_seated = heir.orders, True
        heir.channel.serve(self._on_message, self._on_closed)
        heir.process.watch(asyncio.get_running_loop(), lambda _pid: None, self._died)
        self._instruct(heir.channel)
        self._asked.take_over(heir.channel, waited)
        return self._ready
