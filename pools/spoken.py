"""What a worker's agents send where nothing is kept: messages, spawns and timers, gone with the process that has them.

Owns the lanes that they leave over, in the order in which they were sent. Where state is kept, `outbox` stands in its place.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pools.again import Wire
from pools.context import Outgoing
from pools.lane import Lane
from pools.local import Tells
from pools.message import STATUS
from pools.tracedlane import TracedLane
from pools.ways import Resolve

if TYPE_CHECKING:
    from pools.traced import Recorder

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
        #: Records messages that are parts of traces; None where nothing is traced.
        self.recorder: Recorder | None = None
        #: The timers that are set, by number: when they ring in the loop's time, and the message.
        self._timers: dict[int, tuple[float, list[Any]]] = {}
        self._number = 0

    @property
    def is_idle(self) -> bool:
        """Whether everything that was sent has left."""
        return not self._is_due

    def timers(self) -> list[list[Any]]:
        """The timers that are set: seconds that are left, sender, method, argument."""
        now_s = self._loop.time()
        return [[max(due_s - now_s, 0.0), *message] for due_s, message in self._timers.values()]

    def set(self, after_s: float, sender: str, method: str, argument: Any) -> None:
        """Have an agent told something by itself after some seconds."""
        self._number += 1
        self._timers[self._number] = self._loop.time() + after_s, [sender, method, argument]
        self._loop.call_later(after_s, self._ring, self._number)

    def _ring(self, number: int) -> None:
        sender, method, argument = self._timers.pop(number)[1]
        self._tell(sender, sender, method, argument)

    def send(self, sender: str, outgoing: Iterable[Outgoing]) -> None:
        """Take what a task sends."""
        for what, *rest in outgoing:
            if what == "tell":
                token = sender if self.recorder is None else self.recorder.teller(sender, rest[0], rest[1])
                self._tell(token, *rest)
            elif what == "spawn":
                self._flush()
                wire = self._wire()
                if wire is not None:
                    wire.send(STATUS, {"verb": "spawn", "kind": rest[0], "key": rest[1]})
            else:
                after_s, method, argument = rest
                self.set(after_s, sender, method, argument)

    def _tell(self, sender: str, address: str, method: str, argument: Any) -> None:
        link, kind, key = self._resolve(address)
        lane = self._lanes.get((id(link), kind))
        if lane is None:
            traced = self.recorder
            lane = Lane(link, kind, self._tells) if traced is None else TracedLane(link, kind, self._tells, traced.leave_teller)
            self._lanes[id(link), kind] = lane
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
