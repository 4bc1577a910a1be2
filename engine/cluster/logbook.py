"""What the servers keep of the sprints of a cluster, read on a node that does not drive: which there are, and which run.

Owns that what is read is as the servers have it then. Nothing is written.
"""

from __future__ import annotations

from engine.cluster.orders import Orders
from engine.cluster.replica import Replica
from sprints.archive import Archive
from sprints.chronicle import Chronicle

__all__ = ["Logbook", "order_of"]


class Logbook:
    """The logbook of a cluster. replica: of the servers, which leads nothing."""

    def __init__(self, orders: Orders, replica: Replica) -> None:
        self.archive = Archive(str(replica.folder), replica)
        self._orders = orders
        self._replica = replica

    async def read(self, only: str | None = None) -> None:
        """Have everything here, or of what is here one sprint, as the servers have it now.

        Raises nats.errors.Error, TimeoutError.
        """
        but = [] if only is None else [sprint for sprint in self.archive.ids() if sprint != only]
        await self._replica.restore(is_leading=False, but=but)

    def told(self, sprint: str) -> Chronicle:
        """What the ledger of one says. Raises UnknownSprint."""
        return self.archive.chronicle(sprint)

    async def runs(self, told: Chronicle) -> bool:
        """Whether a sprint has begun and goes on. Raises nats.errors.Error, TimeoutError."""
        order = order_of(told)
        return bool(order) and not told.is_over and await self._orders.ended(order) is None

    async def running(self, order: str | None = None) -> list[str]:
        """The sprints that run, of all orders or of one. Raises nats.errors.Error, TimeoutError."""
        found = []
        for sprint in self.archive.ids():
            told = self.told(sprint)
            if order in (None, order_of(told)) and await self.runs(told):
                found.append(sprint)
        return found


def order_of(told: Chronicle) -> str:
    """The order that a sprint is of; empty where it has not begun."""
    return str((told.header.get("settings") or {}).get("queued") or "")
