"""Accepted tasks over one worker by hand: it answers when a test says so, and there is nothing between but the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from engine.detached import Detached
from engine.submission import Submission
from pools.address import Key
from pools.errors import UnknownKind
from pools.events import Event
from pools.keep import Keep
from pools.link import Link
from tests.support.processes import until
from tests.support.wires import Wire, reply

__all__ = ["ADD", "Desk", "desk"]

ADD = Submission(None, "counter/1", "add", 2, None)


class Desk:
    """Detached tasks before one worker, which answers when the test says so."""

    def __init__(self, folder: Path | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.wire = Wire()
        self.link = Link(window=1_000, clock=loop.time, later=loop.call_later)
        self.link.attach(self.wire)
        self.now_s = 1_000.0
        self.picked = 0
        self.events: list[Event] = []
        self.detached = Detached(
            None if folder is None else Keep(str(folder), is_synced=False),
            routes=self,
            chance=Random(1),
            environ={},
            output=None,
            on_event=self.events.append,
            wall_s=lambda: self.now_s,
        )
        self.detached.start()

    def choose(self, kind: str) -> Key:
        """One that there may be."""
        return self.resolve_key(kind, 0)[1]

    def choose_some(self, kind: str, count: int) -> list[Key]:
        """Another one for each."""
        return [self.resolve_key(kind, None)[1] for _ in range(count)]

    def resolve_key(self, kind: str, key: Key) -> tuple[Link, Key]:
        """The one way that there is; another agent each time for any."""
        if kind != "counter":
            raise UnknownKind(f"no kind {kind}")
        if key is None:
            self.picked += 1
            key = self.picked
        return self.link, key

    async def sent(self, count: int) -> list[dict[str, Any]]:
        """So many sections."""
        await until(lambda: len(self.wire.sections) >= count)
        return self.wire.sections

    def answer(self, at: int = -1, errors: Any = None) -> None:
        """Answer a section."""
        answer = reply(self.wire.sections[at], lambda key: key)
        self.link.take([answer | ({"e": errors} if errors else {})])

    async def failed(self, count: int = 1) -> list[str]:
        """Tasks that are dead letters."""
        names = await self.detached.submit([ADD] * count)
        await self.sent(1)
        self.answer(errors=[[at, "ValueError", "as told", None] for at in range(count)])
        for name in names:
            await self.detached.ended(name, 5)
        return names


@asynccontextmanager
async def desk(folder: Path | None = None) -> AsyncIterator[Desk]:
    """One that is closed afterwards. folder: where it is kept; None for in memory."""
    made = Desk(folder)
    yield made
    made.detached.hold()
    await made.detached.close()
