"""A process that has loaded agents' code and holds no agents: ready to take a worker's place.

Owns such a process from its start, or from when it gave up a worker's place, until it takes one or ends. It hears no task.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Any

from pools.channel import Channel
from pools.errors import PoolUnavailable, WorkerDied
from pools.message import STATUS, Message
from pools.orders import Orders, seen
from pools.process import WorkerProcess
from pools.spec import START_S
from pools.tidings import ended

__all__ = ["Understudy", "understudy"]


class Understudy:
    """One process, its connection, and what it was told.

    number: of the code that it has loaded.  stay: how many states it could not take back when it gave up its place, and some of
    them, each with why.
    """

    def __init__(
        self, number: int, process: WorkerProcess, channel: Channel, orders: Orders, stay: Sequence[Any] = (0,)
    ) -> None:
        self.number = number
        self.stay = stay
        self.process = process
        self.channel = channel
        self.orders = orders
        #: How it has ended, while nobody had it in a place; None while it lives.
        self.end: str | None = None
        self._gone: Future[None] = asyncio.get_running_loop().create_future()
        channel.serve(self._on_message, self._on_closed)
        process.watch(asyncio.get_running_loop(), lambda _pid: None, self._died)

    @property
    def is_up(self) -> bool:
        """Whether it can take a place."""
        return self.end is None and self.channel.is_open

    async def read_ahead(self, folder: str) -> None:
        """Have it read the store that it may be given, or what has come there since. Raises WorkerDied, PoolUnavailable."""
        try:
            async with asyncio.timeout(START_S):
                await self.orders.give(self.channel, {"verb": "ahead", "folder": folder})
        except TimeoutError as error:
            raise PoolUnavailable(f"a process did not read {folder} within {START_S:.0f} s") from error

    def _on_message(self, _channel: Channel, message: Message) -> None:
        if message.letter == STATUS and message.data["verb"] in ("done", "failed"):
            self.orders.answered(message.data)

    def _on_closed(self, _channel: Channel, _error: Exception | None) -> None:
        self.process.kill()

    def _died(self, status: int | None) -> None:
        self.end = ended(status)
        self.channel.abort()
        self.orders.fail(WorkerDied(f"a process that had loaded the code ended ({self.end})"))
        if not self._gone.done():
            self._gone.set_result(None)

    async def close(self) -> None:
        """End it."""
        self.process.kill()
        if self.end is None:
            await self._gone


async def understudy(
    number: int, launch: Callable[[], WorkerProcess], admit: Callable[[int], None], order: dict[str, Any]
) -> tuple[Understudy, list[dict[str, Any]]]:
    """A new process that has loaded some code, and the facts of each kind in it.

    number: of the code.  admit: told its pid.  order: `first`, `paths` and `kinds`, as in a set-up.
    Raises KindNotLoaded, WorkerDied; PoolUnavailable where it does not come up in time; OSError where none can be started.
    """
    loop = asyncio.get_running_loop()
    born: Future[int] = loop.create_future()
    process = launch()
    made: Understudy | None = None

    def died(status: int | None) -> None:
        if not born.done():
            born.set_exception(WorkerDied(f"a process for the code ended before it began ({ended(status)})"))

    process.watch(loop, lambda pid: None if born.done() else born.set_result(pid), died)
    try:
        async with asyncio.timeout(START_S):
            admit(await born)
            channel = Channel(lambda _channel, _message: None, lambda _channel, _error: None, time.time)
            await loop.create_connection(lambda: channel, sock=process.socket)
            made = Understudy(number, process, channel, Orders())
            loaded = made.orders.give(channel, {"verb": "prepare", **order})
            loaded.add_done_callback(seen)
            return made, await loaded
    except BaseException as error:
        process.kill()
        if made is None:
            with contextlib.suppress(OSError):
                process.socket.close()
        else:
            await made.close()
        if isinstance(error, TimeoutError):
            raise PoolUnavailable(f"a process did not load the code within {START_S:.0f} s") from error
        raise
