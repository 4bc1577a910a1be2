"""Whether the node of an agent is there: known before a task is sent to it.

Owns what is said where it is not. A node that was never heard of is asked for first, as long as a node that lives may take to
say so by itself. Nothing was sent then; what was sent before stays open until the node is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.cluster.membership import Member, Patience
from engine.cluster.subjects import Subjects

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Presence"]

#: Seconds that a node which was not heard of is asked for at least, and between two questions.
LEAST_S, LOOK_S = 5.0, 0.25


class Presence:
    """What a sender knows of nodes. members: those that were heard of."""

    def __init__(self, nats: Nats, subjects: Subjects, members: Callable[[], Mapping[str, Member]], patience: Patience) -> None:
        self._nats = nats
        self._subjects = subjects
        self._members = members
        self._patience = patience
        self._since_s = time.monotonic()

    async def why_lost(self, subject: str) -> str | None:
        """Why the node that a subject goes to does nothing; None where it may, and for a subject of no node."""
        form, parts = self._subjects.parse(subject)
        if form != "task.assign":
            return None
        node = parts[0]
        while (member := self._members().get(node)) is None:
            silent_s = time.monotonic() - self._since_s
            if silent_s > max(self._patience.heartbeat_s, LEAST_S):
                return f"{node} is not heard of, though it was asked for {silent_s:.0f} s"
            await self._ask()
            await asyncio.sleep(LOOK_S)
        return f"{node} was last heard of {member.silent_s:.0f} s ago" if member.state == "offline" else None

    async def _ask(self) -> None:
        from nats.errors import Error

        with suppress(Error):
            await self._nats.publish(self._subjects.build("discovery.query"))
