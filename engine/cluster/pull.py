"""Messages of a JetStream consumer, asked for many at a time, and had one by one as they come.

Owns the questions: there is one under way whenever somebody waits, and one that was not answered to its end is asked again.
Source: the NATS documentation, JetStream wire API, "Pull consumers" (CONSUMER.MSG.NEXT).
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

__all__ = ["Pull"]

#: Seconds that an answer may be late before its question is asked again.
LATE_S = 0.5


class Pull:
    """What a consumer has. most: messages of one question.  wait_s: seconds that one question waits."""

    def __init__(self, nats: Nats, stream: str, consumer: str, most: int, wait_s: float) -> None:
        self._nats = nats
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._question = orjson.dumps({"batch": most, "expires": int(wait_s * 1e9)})
        self._most = most
        self._wait_s = wait_s
        self._inbox = nats.new_inbox()
        self._subscription: Subscription | None = None
        self._asked = 0
        self._until_s = 0.0

    async def next(self) -> Msg | None:
        """The next message; None where none came within wait_s. Raises nats.errors.Error."""
        from nats.errors import TimeoutError as Late

        if self._subscription is None:
            self._subscription = await self._nats.subscribe(self._inbox)
        if not self._asked or time.monotonic() > self._until_s:
            self._asked, self._until_s = self._most, time.monotonic() + self._wait_s + LATE_S
            await self._nats.publish(self._subject, self._question, self._inbox)
        try:
            message = await self._subscription.next_msg(self._wait_s + LATE_S)
        except Late:
            self._asked = 0
            return None
        if message.headers and "Status" in message.headers:
            self._asked = 0
            return None
        self._asked -= 1
        return message

    async def close(self) -> None:
        """Ask no more."""
        from nats.errors import Error

        if self._subscription is not None:
            with suppress(Error):
                await self._subscription.unsubscribe()
