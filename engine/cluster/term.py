"""One term of who drives the sprints of a cluster: from the files that the servers keep to the end of every order, or its own.

Owns which campaign runs now: one at a time for a backlog, the oldest order first, and each goes on in the sprint that a leader
before was in. How a campaign goes is known on the floor of the sprints.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from checkpoints.errors import CheckpointError
from engine.cluster.crew import Crew, Yard
from engine.cluster.current import Current
from engine.cluster.helm import Helm
from engine.cluster.orders import Orders
from engine.cluster.replica import Replica
from engine.cluster.shipping import ClusterShipper, Dock
from engine.cluster.stock import Stock
from engine.errors import EngineError
from pools.errors import PoolError
from pools.usage import cpu_s
from sprints.archive import Archive
from sprints.backlog import Backlog, read_backlog
from sprints.campaign import RELEASES, Campaign, Hands
from sprints.errors import LedgerFailed, SprintBusy, SprintError, TakenOut
from sprints.hook import Hook
from sprints.outcome import Outcome
from sprints.queue import Queued
from sprints.release import Releases
from sprints.settings import Settings
from sprints.shipper import Shipper
from sprints.thread import in_thread

__all__ = ["Term"]

#: Seconds between two looks at the orders.
LOOK_S = 0.5
#: Events of a sprint that are told.
TOLD = frozenset({"sprint", "phase", "shipped", "not_shipped", "aborted", "ended"})


class Term:
    """A term. folder: of the node, from which all other folders are named.  told: hears in a line what happens."""

    def __init__(
        self,
        yard: Yard,
        dock: Dock,
        replica: Replica,
        orders: Orders,
        helm: Helm,
        folder: Path,
        told: Callable[[str], None],
    ) -> None:
        self._yard = yard
        self._dock = dock
        self._replica = replica
        self._orders = orders
        self._helm = helm
        #: The order of each backlog that is worked on.
        self._at_work: dict[str, str] = {}
        self._archive = Archive(str(replica.folder), replica)
        self._folder = folder
        self._told = told

    async def run(self) -> None:
        """Drive until cancelled. Raises what the servers are away with, or another leader has followed with."""
        await self._replica.restore()
        running: dict[str, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(Current(self._dock, self._folder, self._told).follow())
                while True:
                    waiting: list[Queued] = []
                    for order in await self._orders.open_ones():
                        name = str(order.backlog.get("name"))
                        if name not in running or running[name].done():
                            self._at_work[name] = order.id
                            running[name] = group.create_task(self._work(order))
                        elif self._at_work[name] != order.id:
                            waiting.append(order)
                    for order in await self._helm.unwanted(waiting):
                        await self._orders.end(order.id, TakenOut(order.id))
                    await asyncio.sleep(LOOK_S)
        finally:
            await in_thread(self._rest)

    def _rest(self) -> None:
        """Return when nothing is shipped any more: what a hook has begun ends before the lease is another one's."""
        with self._dock.at_work:
            pass

    async def _work(self, order: Queued) -> None:
        """Have an order done to its end."""
        error: Exception | None = None
        try:
            await self._campaign(order)
        except (LedgerFailed, SprintBusy):  # the servers are away, or another leader has followed
            raise
        except (SprintError, CheckpointError, EngineError, PoolError, ValueError, TypeError, KeyError) as failed:
            error = failed
            self._told(f"{order.id}: {type(failed).__name__}: {failed}")
        await self._orders.end(order.id, error)

    async def _campaign(self, order: Queued) -> None:
        sprint = await asyncio.to_thread(self._newest, order.id)
        if sprint is None:
            if await self._helm.is_unwanted(order.id):
                raise TakenOut(order.id)
            backlog = read_backlog(order.backlog)
            hands = await in_thread(lambda: self._hands(backlog))
            settings = replace(Settings.of(order.settings), folder=".", queued=order.id)
            await self._run(Campaign(self._archive, backlog, settings, hands), order.id)
        else:
            backlog = read_backlog(self._archive.backlog(sprint))
            hands = await in_thread(lambda: self._hands(backlog))
            campaign, is_over = Campaign.restored(self._archive, sprint, hands)
            if not is_over:
                self._told(f"{sprint} goes on here")
            await self._run(campaign, order.id, is_going_on=True)

    async def _run(self, campaign: Campaign, order: str, *, is_going_on: bool = False) -> None:
        """Run a campaign to its end, as it is wanted."""
        steering = asyncio.ensure_future(self._helm.steer(campaign, order))
        try:
            await campaign.run(is_going_on=is_going_on)
        finally:
            steering.cancel()
            await asyncio.wait((steering,))

    def _newest(self, queued: str) -> str | None:
        """The newest sprint of an order; None before the first."""
        for sprint in reversed(self._archive.ids()):
            header = next(self._archive.events(sprint), None) or {}
            if (header.get("settings") or {}).get("queued") == queued:
                return sprint
        return None

    # -- what is lent to a campaign ------------------------------------------------------------------------------------

    def _hands(self, backlog: Backlog) -> Hands:
        """Those for a campaign on a backlog; what was made of it so far is read."""
        stock = self._stock(backlog)
        shipper = partial(self._shipper, backlog.ship.releases or RELEASES)

        def agents(sprint: str, backlog: Backlog, answered: Callable[[Iterable[Outcome]], None]) -> Crew:
            return Crew(self._yard, sprint, backlog, stock, answered)

        def tell(sprint: str, event: Mapping[str, Any]) -> None:
            stock.take(event, time.time())
            self._tell(sprint, event)

        return Hands(agents, self._prepare, lambda: cpu_s(os.getpid()), tell, self._is_known, shipper)

    def _stock(self, backlog: Backlog) -> Stock:
        """What the sprints of a backlog have made."""
        stock = Stock(backlog.items)
        for sprint in self._archive.ids():
            with suppress(SprintError, OSError, ValueError):  # who is damaged belongs to nobody
                if self._archive.backlog_of(sprint) == backlog.name:
                    for event in self._archive.events(sprint):
                        stock.take(event, 0.0)
        return stock

    async def _prepare(self, _backlog: Backlog) -> None:
        """The agents of a cluster are made by whoever spawns them on its nodes."""

    def _is_known(self, _sprint: str, _backlog: Backlog) -> bool:
        """What the servers do not know of a sprint, nothing was sent for."""
        return False

    def _shipper(self, folder: str, sprint: str, releases: Releases, work: str, hooks: Sequence[Hook], held: str) -> Shipper:
        return ClusterShipper(self._dock, folder, sprint, releases, work, hooks, held)

    def _tell(self, sprint: str, event: Mapping[str, Any]) -> None:
        if event["e"] in TOLD:
            detail = event.get("phase") or event.get("release") or event.get("why") or ""
            self._told(f"{sprint} {event['e']} {detail}".rstrip())
