"""What NATS keeps for the sprints of a cluster: two streams, made where they are not there.

Owns their names and limits: ledgers, backlogs, orders, wishes and releases in one, which refuses what is too much; the files of
tasks in the other, whose oldest go first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.cluster.chest import Chest
from engine.cluster.orders import Orders
from engine.cluster.pieces import PIECE_BYTES, Pieces
from engine.cluster.shipledger import ShipLedger
from engine.cluster.subjects import Subjects
from engine.cluster.wishes import Wishes

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.js.api import StreamConfig
    from nats.js.client import JetStreamContext

__all__ = ["ARTIFACT_BYTES", "SPRINT_BYTES", "Stores"]

#: Bytes of ledgers and what belongs to them, and of artifacts: tasks and results have half of the 8 GiB of a server.
SPRINT_BYTES, ARTIFACT_BYTES = 1024**3, 2 * 1024**3
#: Seconds that one question may take.
ASK_S = 5.0


class Stores:
    """The streams of a cluster's sprints, as one process uses them. replicas: servers that keep them."""

    def __init__(self, nats: Nats, subjects: Subjects, replicas: int) -> None:
        self.subjects = subjects
        self._replicas = replicas
        self._names = f"{subjects.cluster}-sprints", f"{subjects.cluster}-artifacts"
        self._context: JetStreamContext = nats.jetstream(timeout=ASK_S)
        self.chest = Chest(Pieces(self._context, self._names[1]), subjects)

    async def open(self) -> None:
        """Have both. Raises nats.errors.Error, TimeoutError."""
        from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

        every = self.subjects.every
        forms = "sprint.order", "sprint.wish", "sprint.ledger", "sprint.file", "sprint.release"
        shared: dict[str, Any] = {
            "retention": RetentionPolicy.LIMITS,
            "storage": StorageType.FILE,
            "num_replicas": self._replicas,
            "max_msg_size": PIECE_BYTES + 4_096,
            "allow_direct": False,
        }
        sprints, artifacts = self._names
        patterns = [every(form) for form in forms]
        new, old = DiscardPolicy.NEW, DiscardPolicy.OLD
        await self._have(StreamConfig(name=sprints, subjects=patterns, discard=new, max_bytes=SPRINT_BYTES, **shared))
        await self._have(
            StreamConfig(name=artifacts, subjects=[every("artifact")], discard=old, max_bytes=ARTIFACT_BYTES, **shared)
        )

    async def _have(self, config: StreamConfig) -> None:
        from nats.js.errors import NotFoundError

        try:
            known = (await self._context.stream_info(config.name or "")).config
        except NotFoundError:
            await self._context.add_stream(config)
        else:
            if not set(config.subjects or ()) <= set(known.subjects or ()):  # it was made before there was one of them
                await self._context.update_stream(replace(known, subjects=config.subjects))

    def pieces(self, may: Callable[[], bool] = lambda: True) -> Pieces:
        """The values of sprints. may: whether this process may write still."""
        return Pieces(self._context, self._names[0], may)

    def orders(self, may: Callable[[], bool] = lambda: True) -> Orders:
        """The orders."""
        return Orders(self.pieces(may), self.subjects)

    def wishes(self, may: Callable[[], bool] = lambda: True) -> Wishes:
        """What is wanted of sprints."""
        return Wishes(self.pieces(may), self.subjects)

    def ships(self, may: Callable[[], bool] = lambda: True) -> ShipLedger:
        """The records of releases."""
        return ShipLedger(self._context, self.subjects.cluster, self._replicas, may)
