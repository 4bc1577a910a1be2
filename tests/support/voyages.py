"""Sprints of a cluster under test: backlogs whose items are done on any node, and what the servers keep of them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.cluster.access import connected
from engine.cluster.orders import Ended, Orders
from engine.cluster.replica import Replica
from engine.cluster.stores import Stores
from engine.cluster.subjects import Subjects
from sprints.archive import Archive
from sprints.queue import Queued, new_queued_id
from sprints.settings import Settings
from tests.support.fabric import access_to
from tests.support.nodes import Cluster

__all__ = ["OLD", "Harbour", "backlog", "harbours", "hook"]

#: Items that claim what was there before.
OLD = 3
#: Ships by a line in a file, after a file is there; the line is the name of the release.
HOOK = """
import os, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
with (folder / "shipping").open("a") as file:
    file.write(os.environ["ENGINE_RELEASE"] + "\\n")
while (folder / "dock").exists():
    time.sleep(0.02)
with (folder / "ships").open("a") as file:
    file.write(os.environ["ENGINE_RELEASE"] + "\\n")
"""


def hook(folder: Path, **facts: Any) -> dict[str, Any]:
    """A hook that leaves a line in `shipping` when it begins, and one in `ships` when it has shipped."""
    (folder / "hook.py").write_text(HOOK)
    return {"command": [sys.executable, str(folder / "hook.py"), str(folder)], **facts}


def backlog(folder: Path, items: int, hooks: Sequence[Mapping[str, Any]] = (), name: str = "app") -> dict[str, Any]:
    """A backlog whose items are files, one that has no evidence, and some whose files were there before, on every node."""
    made = {"role": "maker", "method": "make"}
    tasks = [made | {"id": f"i{at}", "args": [str(folder), f"f{at}"], "artifacts": [f"f{at}"]} for at in range(items)]
    claim = {"role": "maker", "method": "claim", "args": [str(folder), "c"]}
    claims = [claim | {"id": "claimed"}, *(claim | {"id": f"old{at}", "artifacts": [f"old{at}"]} for at in range(OLD))]
    return {
        "schema": "engine.backlog/v1",
        "name": name,
        "roles": {"maker": {"kind": "maker", "agents": 6}},
        "tasks": [*tasks, *claims],
        "ship": {"hooks": list(hooks)},
    }


class Harbour:
    """A client of the servers that places orders and reads what they keep."""

    def __init__(self, cluster: Cluster, stores: Stores, replica: Replica) -> None:
        self.cluster = cluster
        self.stores = stores
        self.orders: Orders = stores.orders()
        self._replica = replica
        self.archive = Archive(str(replica.folder))

    async def place(self, row: Mapping[str, Any], *, sprints: int = 1, speed: float = 1.0) -> str:
        """Have a backlog worked on; returns the order's id."""
        order = Queued(new_queued_id(), time.time(), dict(row), Settings(".", sprints, speed).row())
        await self.orders.place(order)
        return order.id

    async def ended(self, order: str, within_s: float = 120) -> Ended:
        """How an order ended, once it has."""
        async with asyncio.timeout(within_s):
            while (ended := await self.orders.ended(order)) is None:
                await asyncio.sleep(0.1)
        return ended

    async def events(self) -> list[dict[str, Any]]:
        """What the ledgers of all sprints say, as the servers have them."""
        await self._replica.restore(is_leading=False)
        return [event for sprint in self.archive.ids() for event in self.archive.events(sprint)]

    async def until_event(self, is_it: Callable[[dict[str, Any]], bool], within_s: float = 120) -> None:
        """Return once the servers have an event."""
        async with asyncio.timeout(within_s):
            while not any(map(is_it, await self.events())):
                await asyncio.sleep(0.1)

    def leader(self) -> str:
        """The node that drives, by what drivers said last; empty for none."""
        found = ""
        newest = 0
        for name, node in self.cluster.nodes.items():
            said = [line for line in node.driven.splitlines() if "drives the sprints" in line]
            if said and "with token" in said[-1] and node.driver is not None and node.driver.poll() is None:
                token = int(said[-1].rpartition(" ")[2])
                if token > newest:
                    found, newest = name, token
        return found


@asynccontextmanager
async def harbours(cluster: Cluster) -> AsyncIterator[Harbour]:
    """A harbour with a connection of its own, and every node's driver."""
    for node in cluster.nodes.values():
        work = node.folder / "work"
        work.mkdir()
        for at in range(OLD):
            (work / f"old{at}").write_text("from long ago\n")
        node.start_driver()
    nats = await connected(access_to(cluster.servers), "harbour", cluster.said, wait_s=30)
    try:
        subjects = Subjects("c")
        stores = Stores(nats, subjects, len(cluster.servers))
        await stores.open()
        yield Harbour(cluster, stores, Replica(stores.pieces(), subjects, cluster.folder / "seen"))
    finally:
        await nats.close()
