"""What agents publish to and subscribe to: `topic/NAME`.

    ctx.tell("topic/news", "subscribe", ctx.agent_id, "hear", 0)        # `hear` gets all messages from 0 on
    ctx.tell("topic/news", "publish", {"title": "snow"}, ctx.agent_id)  # leaves with what this task changes

An agent is one topic. It owns the messages, numbered from 0, and who hears of them. A message and what is sent to its
subscribers are one record: none of them hears of what was not kept, and where state is kept each of them gets it once. They
come in order; when a worker dies on their way, one may come after a later one, which their offsets tell. A subscriber whose
method fails does not get the message again. What it gets is one object: `topic`, `offset`, `ts` (seconds since 1970), `from`
(what the publisher said that it is, or null) and `value`.

Messages are kept in a table under their offsets, not in a `Log`: a `Log` only grows, and here the oldest go when there are more
than may be kept. Each publish records one message and the numbers of those that go.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from pools import values
from pools.address import parse
from pools.agent import Agent
from pools.context import Context
from pools.errors import AgentFull, BadArgument
from pools.table import Table

__all__ = ["Topic"]

#: Messages that are kept, and their bytes: a new subscriber may be sent all of them by one task.
MESSAGES, KEPT_BYTES = 1_000, 1024 * 1024
#: Subscribers of one topic, and bytes of one message's value as JSON: together what one publish sends at most, 4 MiB.
SUBSCRIBERS, VALUE_BYTES = 256, 16 * 1024
#: Bytes of a topic: what is kept, and its subscribers.
TOPIC_BYTES = KEPT_BYTES + 256 * 1024


class Topic(Agent):
    """One topic.

    messages: time, sender and value, by offset.  listeners: the method that hears, by the agent's address.
    first: the oldest offset that is kept.  end: the offset of the next message.
    """

    is_made_on_use: ClassVar[bool] = True
    memory_limit_bytes: ClassVar[int] = TOPIC_BYTES
    #: Seconds since 1970.
    _clock: ClassVar[Callable[[], float]] = time.time

    messages: Table[list[Any]]
    listeners: Table[str]
    first: int = 0
    end: int = 0

    def publish(self, value: Any, ctx: Context, sender: str | None = None) -> int:
        """Keep a message and send it to every subscriber; returns its offset.

        value: up to 16 KiB as JSON.  sender: who says so, as `from`; it is not checked.
        The oldest messages go where more than 1,000, or 1 MiB of them, are kept.  Raises BadArgument.
        """
        size_bytes = len(values.dumps(value))
        if size_bytes > VALUE_BYTES:
            raise BadArgument(f"publish: the value has {size_bytes:,} bytes as JSON, a message has up to {VALUE_BYTES:,}")
        offset = self.end
        self.messages[str(offset)] = [type(self)._clock(), sender, value]
        self.end += 1
        while len(self.messages) > MESSAGES or self.messages.size_bytes > KEPT_BYTES:
            del self.messages[str(self.first)]
            self.first += 1
        message = self._message(offset)
        for agent, method in self.listeners.items():
            ctx.tell(agent, method, message)
        return offset

    def subscribe(self, agent: str, method: str, ctx: Context, since: int | None = None) -> dict[str, int]:
        """Send each new message to a method of an agent; with `since`, those from that offset on first.

        An agent hears with one method: a second call puts another in its place, and sends again what `since` says.
        Returns `next`, the offset of the first new message, and `missed`: how many from `since` on are not kept any more.
        Raises BadAddress, BadArgument, AgentFull past 256 subscribers.
        """
        if agent == self.id:
            raise BadArgument(f"subscribe: {agent} would publish to itself for ever")
        parse(agent)
        if not method.isidentifier():
            raise BadArgument(f"subscribe: {method!r:.60} is no method's name")
        if agent not in self.listeners and len(self.listeners) >= SUBSCRIBERS:
            raise AgentFull(f"{self.id} has {SUBSCRIBERS} subscribers, as many as it may; publish to several topics")
        self.listeners[agent] = method
        begin = self.end if since is None else self._begin(since)
        for offset in range(begin, self.end):
            ctx.tell(agent, method, self._message(offset))
        return {"next": self.end, "missed": 0 if since is None else begin - since}

    def unsubscribe(self, agent: str) -> bool:
        """Send an agent nothing more; returns whether it was a subscriber. What was sent already still arrives."""
        return self.listeners.pop(agent, None) is not None

    def subscribers(self) -> list[dict[str, str]]:
        """Every subscriber, by `agent` and `method`."""
        return [{"agent": agent, "method": method} for agent, method in sorted(self.listeners.items())]

    def replay(self, since: int = 0, limit: int = 100) -> dict[str, Any]:
        """The `messages` from an offset on, `next`, where to go on, and `missed`: how many of them are not kept any more.

        limit: 1 to 1,000.  Raises BadArgument.
        """
        if not 1 <= limit <= MESSAGES:
            raise BadArgument(f"replay: limit must be 1 to {MESSAGES:,}, got {limit}")
        begin = self._begin(since)
        stop = min(begin + limit, self.end)
        return {"messages": [self._message(offset) for offset in range(begin, stop)], "next": stop, "missed": begin - since}

    def size(self) -> dict[str, int]:
        """How many `messages` and `bytes` are kept, the `first` offset of them, the `next` one, and the `subscribers`."""
        return {
            "messages": len(self.messages),
            "bytes": self.messages.size_bytes,
            "first": self.first,
            "next": self.end,
            "subscribers": len(self.listeners),
        }

    def _begin(self, since: int) -> int:
        """The first offset from `since` on that is kept. Raises BadArgument for one that is still to come."""
        if not 0 <= since <= self.end:
            raise BadArgument(f"since must be 0 to {self.end:,}, the offset of the next message, got {since}")
        return max(since, self.first)

    def _message(self, offset: int) -> dict[str, Any]:
        at_s, sender, value = self.messages[str(offset)]
        return {"topic": self.key, "offset": offset, "ts": at_s, "from": sender, "value": value}
