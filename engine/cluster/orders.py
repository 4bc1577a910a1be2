"""What a cluster was asked to work on: backlogs, kept on the servers until their sprints have ended.

Owns that an order is there before anybody is told so, and that it ends once, whoever leads then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from engine.cluster.pieces import Pieces
from engine.cluster.records import BadRecord
from engine.cluster.subjects import Subjects
from sprints.queue import Queued

__all__ = ["Ended", "Orders"]


class Ended(NamedTuple):
    """That an order has ended. error: type and message of what it failed with, None where its sprints ran to their end."""

    error: tuple[str, str] | None


class Orders:
    """The orders of a cluster."""

    def __init__(self, pieces: Pieces, subjects: Subjects) -> None:
        self._pieces = pieces
        self._subjects = subjects
        self._open: dict[str, Queued] = {}
        #: Orders that have ended; those that cannot be read are among them.
        self._over: dict[str, Ended] = {}

    async def place(self, order: Queued) -> None:
        """Have it on the servers when this returns. Raises Overtaken, StreamFull."""
        await self._pieces.append(self._subject(order.id), orjson.dumps(order._asdict()), 0)

    def _subject(self, id: str) -> str:
        return self._subjects.build("sprint.order", id)

    async def open_ones(self) -> list[Queued]:
        """Those that have not ended, the oldest first. Raises nats.errors.Error, TimeoutError."""
        for subject in await self._pieces.subjects(self._subjects.every("sprint.order")):
            [name] = self._subjects.parse(subject).parts
            if name not in self._open and name not in self._over:
                await self._learn(name)
        return sorted(self._open.values(), key=lambda order: (order.at_s, order.id))

    async def _learn(self, id: str) -> None:
        values = (await self._pieces.read(self._subject(id))).values
        try:
            if len(values) > 1:
                self._over[id] = _ended(values[-1])
            elif values:
                self._open[id] = _order(id, values[0])
        except BadRecord as error:
            self._over[id] = Ended((type(error).__name__, str(error)))

    async def ended(self, id: str) -> Ended | None:
        """How an order ended; None while it has not. Raises nats.errors.Error, TimeoutError."""
        if id not in self._over:
            self._open.pop(id, None)
            await self._learn(id)
        return self._over.get(id)

    async def end(self, id: str, error: BaseException | None) -> None:
        """Have an order ended. Raises Overtaken, nats.errors.Error, TimeoutError."""
        said = None if error is None else (type(error).__name__, str(error))
        subject = self._subject(id)
        await self._pieces.append(subject, orjson.dumps({"ended": said}), await self._pieces.last(subject))
        self._open.pop(id, None)
        self._over[id] = Ended(said)


def _order(id: str, data: bytes) -> Queued:
    row = _object(data)
    if row.keys() != set(Queued._fields) or row["id"] != id or not isinstance(row["at_s"], int | float):
        raise BadRecord(f"this is no order: {data[:80]!r}")
    if not isinstance(row["backlog"], Mapping) or not isinstance(row["settings"], Mapping):
        raise BadRecord(f"this is no order: {data[:80]!r}")
    return Queued(**row)


def _ended(data: bytes) -> Ended:
    said = _object(data).get("ended")
    return Ended(None if said is None else (str(said[0]), str(said[1])))


def _object(data: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(data)
    except ValueError as error:
        raise BadRecord(f"this is no order: {data[:80]!r}") from error
    if type(row) is not dict:
        raise BadRecord(f"this is no order: {data[:80]!r}")
    return row
