"""The heartbeats of a cluster: who is there, and that one is there oneself.

Owns the subscriptions; what silence means is `Membership`'s. A query is answered by every node at once, so that who comes
new need not wait for the next heartbeats.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.cluster.membership import Member, Membership, Patience
from engine.cluster.records import BadRecord, Heartbeat, NodeInfo, encode
from engine.cluster.records import decode as decoded
from engine.cluster.subjects import Subjects
from pools.errors import BadAddress

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

__all__ = ["Pulse"]

#: Seconds that nodes have to answer a query after the first one did, and between two looks.
OTHERS_S, LOOK_S = 0.5, 0.01


class Pulse:
    """What is heard of the nodes of a cluster, and said of one.

    own: makes the heartbeat of a number; None for a listener that is no node.
    """

    def __init__(
        self, nats: Nats, subjects: Subjects, patience: Patience, own: Callable[[int], Heartbeat] | None = None
    ) -> None:
        self._nats = nats
        self._subjects = subjects
        self._own = own
        self._number = 0
        self._heard = Membership(patience)
        self._subscriptions: list[Subscription] = []
        self._first = asyncio.Event()
        #: When each node has announced itself, in monotonic seconds.
        self.announced: dict[str, float] = {}

    def members(self) -> dict[str, Member]:
        """Every node that was heard of, as it stands now."""
        return self._heard.members(time.monotonic())

    async def open(self) -> None:
        """Listen, and ask who is there. Raises nats.errors.Error."""
        wanted: list[tuple[str, Callable[[Msg], Awaitable[None]]]] = [
            ("heartbeat", self._on_heartbeat),
            ("system.shutdown", self._on_shutdown),
            ("discovery.announce", self._on_announce),
        ]
        if self._own is not None:
            wanted.append(("discovery.query", self._on_query))
        for form, heard in wanted:
            self._subscriptions.append(await self._nats.subscribe(self._subjects.every(form), cb=heard))
        await self._nats.publish(self._subjects.build("discovery.query"))
        await self._nats.flush()

    async def first(self, within_s: float, nodes: Collection[str] = ()) -> None:
        """Return once all of some nodes were heard of, or one was and the others were silent for a while; or after so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._first.wait()
                until_s = time.monotonic() + OTHERS_S
                while not self.members().keys() >= set(nodes) and time.monotonic() < until_s:
                    await asyncio.sleep(LOOK_S)

    async def close(self, *, is_leaving: bool = False) -> None:
        """Listen no more. is_leaving: say that this node is shut down, so that nobody waits for it."""
        from nats.errors import Error

        with suppress(Error, TimeoutError):
            if is_leaving and self._own is not None and self._nats.is_connected:
                beat = self._own(self._number + 1)
                await self._nats.publish(self._subjects.build("system.shutdown", beat.info.node), encode(beat))
                await self._nats.flush(timeout=1)
        for subscription in self._subscriptions:
            with suppress(Error):
                await subscription.unsubscribe()

    async def beat(self) -> None:
        """Say that this node lives. Raises nats.errors.Error."""
        if self._own is not None and self._nats.is_connected:
            self._number += 1
            beat = self._own(self._number)
            await self._nats.publish(self._subjects.build("heartbeat", beat.info.node), encode(beat))

    async def _on_heartbeat(self, message: Msg) -> None:
        beat = self._beat_of(message)
        if beat is not None:
            self._heard.hear(beat, time.monotonic(), time.time())
            self._first.set()

    async def _on_shutdown(self, message: Msg) -> None:
        beat = self._beat_of(message)
        known = None if beat is None else self.members().get(beat.info.node)
        if beat is not None and known is not None and known.heartbeat.info.incarnation == beat.info.incarnation:
            self._heard.leave(beat.info.node)

    async def _on_announce(self, message: Msg) -> None:
        """A node is new: who stands beside it is told to it at once."""
        with suppress(BadRecord):
            self.announced[decoded(message.data, NodeInfo).node] = time.monotonic()
        await self.beat()

    async def _on_query(self, _message: Msg) -> None:
        await self.beat()

    def _beat_of(self, message: Msg) -> Heartbeat | None:
        """The heartbeat of a message, if the node that it names is the one that its subject names."""
        with suppress(BadRecord, BadAddress):
            beat = decoded(message.data, Heartbeat)
            if self._subjects.parse(message.subject).parts == (beat.info.node,):
                return beat
        return None
