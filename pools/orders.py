"""What a worker's process was told to do and has not answered yet.

Owns the numbers of the orders, and the way of each answer to who gave the order. What an order means is the worker's business.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Iterable
from typing import Any

from pools.channel import Channel
from pools.errors import PoolError, refusal_of
from pools.message import STATUS

__all__ = ["Orders", "seen"]


class Orders:
    """The orders of one process."""

    def __init__(self) -> None:
        self._open: dict[int, Future[Any]] = {}
        self._number = 0
        #: Those that wait, by number, while nothing may be said to it; None while it may.
        self._held: dict[int, dict[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def give(self, channel: Channel | None, order: dict[str, Any]) -> Future[Any]:
        """Send an order; the future gets its value or its error."""
        future: Future[Any] = asyncio.get_running_loop().create_future()
        self._give(channel, order, future)
        return future

    def _give(self, channel: Channel | None, order: dict[str, Any], future: Future[Any]) -> None:
        self._number += 1
        self._open[self._number] = future
        if self._held is not None:
            self._held[self._number] = order
        elif channel is not None:
            channel.send(STATUS, {**order, "id": self._number})

    def hold(self) -> None:
        """Send nothing more: what is given from now on waits."""
        self._held = {}

    def go_on(self, channel: Channel | None) -> None:
        """Send what has waited."""
        held, self._held = self._held or {}, None
        for number, order in held.items():
            if channel is not None:
                channel.send(STATUS, {**order, "id": number})

    def taken(self) -> list[tuple[dict[str, Any], Future[Any]]]:
        """What has waited, to be given to another process; nothing more waits here."""
        held, self._held = self._held or {}, None
        return [(order, self._open.pop(number)) for number, order in held.items()]

    def take_over(self, channel: Channel, waited: Iterable[tuple[dict[str, Any], Future[Any]]]) -> None:
        """Send what has waited for the process before."""
        for order, future in waited:
            self._give(channel, order, future)

    def answered(self, said: dict[str, Any]) -> None:
        """Take an answer, `done` with a value or `failed` with an error; one that nobody waits for is nothing."""
        future = self._open.pop(said["id"], None)
        if future is not None and not future.done():
            future.set_result(said["value"]) if said["verb"] == "done" else future.set_exception(refusal_of(said))

    def fail(self, error: PoolError) -> None:
        """No answer will come any more."""
        given, self._open, self._held = self._open, {}, None
        for future in given.values():
            if not future.done():
                future.set_exception(error)


def seen(future: Future[Any]) -> None:
    """Mark a future's error as seen: whoever waits for it gets it, nobody has to."""
    _ = future.cancelled() or future.exception()
