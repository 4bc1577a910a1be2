"""Tasks that are sent into a cluster without a break while it is harmed, and what must hold of all of them afterwards."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

from engine.client import Client
from engine.cluster.access import FabricAway
from engine.cluster.placement import place
from engine.cluster.records import Outcome
from engine.cluster.sender import Sender
from tests.support.seen import Seen

__all__ = ["Steady", "steady"]

#: Counters that are added to.
KEYS = 15
#: Seconds between two calls, and that all outcomes may take after the last one.
PAUSE_S, END_S = 0.1, 240


class Steady:
    """Tasks for counters and for the kind of markers, in one call after another; some are lone ones that many send at once."""

    def __init__(self, cluster: Seen[Any], sender: Sender, chance: Random) -> None:
        self._cluster = cluster
        self._sender = sender
        self._chance = chance
        self._adds = [0] * KEYS
        self._futures: list[asyncio.Future[Outcome]] = []
        self._over = asyncio.Event()
        self._sending = asyncio.ensure_future(self._run())
        #: Marks that were sent.
        self.marks = 0

    async def close(self) -> None:
        """Send no more."""
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    async def _run(self) -> None:
        """Send until it is over."""
        while not self._over.is_set():
            keys = [self._chance.randrange(KEYS) for _ in range(20)]
            tasks: list[dict[str, Any]] = [{"agent": f"counter/{key}", "method": "add", "args": [1]} for key in keys]
            for _ in range(10):
                tasks.append({"kind": "marker", "method": "mark", "args": [str(self._cluster.folder), f"m{self.marks}"]})
                self.marks += 1
            alone = [{"agent": f"counter/{self._chance.randrange(KEYS)}", "method": "get"} for _ in range(10)]
            calls = [self.send(tasks, 5), *(self.send([task], 100) for task in alone)]
            kept, *_ = await asyncio.gather(*calls)
            if kept:
                for key in keys:
                    self._adds[key] += 1
            await asyncio.sleep(PAUSE_S)

    async def send(self, tasks: list[dict[str, Any]], envelope_tasks: int) -> list[asyncio.Future[Outcome]]:
        """Send tasks; returns what will be their outcomes, nothing where none was sent."""
        sent: list[asyncio.Future[Outcome]] = []
        with suppress(FabricAway):
            sent = await self._sender.send(tasks, envelope_tasks=envelope_tasks)
        self._futures += sent
        return sent

    async def end(self) -> str:
        """Send no more, and look whether every task was done, has one recorded outcome, and changed its agent once."""
        self._over.set()
        await self._sending
        outcomes = await asyncio.wait_for(asyncio.gather(*self._futures), END_S)
        assert [outcome.error for outcome in outcomes if outcome.error is not None] == []
        found = await self._cluster.recorded(self._sender)
        assert sorted(found.values()) == [1] * len(outcomes)
        for name, node in self._cluster.nodes.items():
            mine = [key for key in range(KEYS) if place(f"counter/{key}", list(self._cluster.nodes)) == name]
            async with Client(environ=node.environ, patience_s=30) as client:
                assert [await client.ask(f"counter/{key}", "get") for key in mine] == [self._adds[key] for key in mine]
        terms = [set(re.findall(r"leads, with token (\d+)", node.log)) for node in self._cluster.nodes.values()]
        assert sum(map(len, terms)) == len(set.union(*terms)), "two nodes led with the same token"
        words = self._cluster.runs()
        superseded = sum(node.log.count("superseded:") for node in self._cluster.nodes.values())
        return f"{len(outcomes)} tasks, {len(set(words))} marks run {len(words)} times, {superseded} envelopes superseded"


@asynccontextmanager
async def steady(cluster: Seen[Any], sender: Sender, chance: Random) -> AsyncIterator[Steady]:
    """Tasks that are sent from now on until `end`."""
    made = Steady(cluster, sender, chance)
    try:
        yield made
    finally:
        await made.close()
