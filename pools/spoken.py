"""What a worker's agents send where nothing is kept: messages, spawns and timers, gone with the process that has them.

Owns the lanes that they leave over, in the order in which they were sent. Where state is kept, `outbox` stands in its place.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pools.again import Wire
from pools.context import Outgoing
from pools.lane import Lane
from pools.local import Tells
from pools.message import STATUS
from pools.ways import Resolve

__all__ = ["Spoken"]


class Spoken:
    """The messages of one worker. wire: to the engine, None before there is one.  sent: called for each message that leaves."""

    def __init__(
        self, resolve: Resolve, *, wire: Callable[[], Wire | None], loop: AbstractEventLoop, sent: Callable[[], None]
    ) -> None:
        self._resolve = resolve
        self._wire = wire
        self._loop = loop
        self._sent = sent
        self._tells = Tells()
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._is_due = False

    def send(self, sender: str, outgoing: Iterable[Outgoing]) -> None:
        """Take what a task sends."""
        for what, *rest in outgoing:
            if what == "tell":
                self._tell(sender, *rest)
            elif what == "spawn":
                self._flush()
                wire = self._wire()
                if wire is not None:
                    wire.send(STATUS, {"verb": "spawn", "kind": rest[0], "key": rest[1]})
            else:
                after_s, method, argument = rest
                self._loop.call_later(after_s, partial(self._tell, sender, sender, method, argument))

    def _tell(self, sender: str, address: str, method: str, argument: Any) -> None:
        link, kind, key = self._resolve(address)
        lane = self._lanes.get((id(link), kind))
        if lane is None:
            lane = self._lanes[id(link), kind] = Lane(link, kind, self._tells)
        lane.rows.extend((sender, key, method, argument))
        self._sent()
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_due = False
        lanes = [lane for lane in self._lanes.values() if len(lane)]
        for lane in lanes:
            lane.link.offer([lane])
