"""The results of one sender, read from their stream as they are recorded.

Owns that none is missed: where something was, it is read again from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.cluster.cell import BadRecord
from engine.cluster.pull import Pull
from engine.cluster.records import TaskResult, decode
from engine.cluster.streams import AGAIN_S, Streams

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Inbox"]

#: Results that are read in one go, and seconds that one question for more waits.
RESULTS, PULL_S = 64, 2.0


class Inbox:
    """What is recorded for a sender, from its first result on. heard: hears each."""

    def __init__(self, nats: Nats, streams: Streams, sender: str, heard: Callable[[TaskResult], None]) -> None:
        self._nats = nats
        self._streams = streams
        self._sender = sender
        self._heard = heard

    async def read(self) -> None:
        """Read on until cancelled. What was missed while the servers were away is read again."""
        from nats.errors import Error

        after = 0
        while True:
            with suppress(Error, TimeoutError):
                after = await self._read_from(after)
            await asyncio.sleep(AGAIN_S)

    async def _read_from(self, after: int) -> int:
        """Read results behind a place in their stream; returns the place up to which none is missing, once one is.

        A connection that breaks takes with it what was on its way: the server counts that as delivered.
        """
        from nats.errors import Error
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        context, stream = self._streams.context, self._streams.subjects.results
        begin: dict[str, Any] = {"deliver_policy": DeliverPolicy.ALL}
        if after:
            begin = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": after + 1}
        mine = self._streams.subjects.every("task.result", self._sender)
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60.0, filter_subject=mine, **begin)
        name = (await context.add_consumer(stream, config)).name
        pull, number = Pull(self._nats, stream, name, RESULTS, PULL_S), 0
        try:
            while True:
                message = await pull.next()
                if message is None:
                    delivered = (await context.consumer_info(stream, name)).delivered
                    if delivered is not None and delivered.consumer_seq != number:
                        return after
                    continue
                place = message.metadata.sequence
                if place.consumer != number + 1:
                    return after
                number, after = place.consumer, place.stream
                with suppress(BadRecord):
                    self._heard(decode(message.data, TaskResult))
        except (Error, TimeoutError):
            return after
        finally:
            await pull.close()
