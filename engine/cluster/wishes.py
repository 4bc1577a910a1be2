"""What somebody wants of a sprint of the cluster, or of an order: it shall stand still, go on, or end.

Owns the newest wish of each on the servers. It is changed by compare-and-set and stays there, so that whoever drives obeys it,
also who drives only later; an end that was wanted is wanted for good. Who obeys is `helm`.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from engine.cluster.pieces import Overtaken, Pieces
from engine.cluster.records import BadRecord
from engine.cluster.subjects import Subjects

__all__ = ["ABORT", "PAUSE", "RESUME", "Wish", "Wishes"]

#: What can be wanted.
PAUSE, RESUME, ABORT = "pause", "resume", "abort"
WHATS = (PAUSE, RESUME, ABORT)


class Wish(NamedTuple):
    """A wish. what: one of the above.  at_s: unix time, to be shown.  why: in words."""

    what: str
    at_s: float
    why: str


class Wishes:
    """The wishes of a cluster."""

    def __init__(self, pieces: Pieces, subjects: Subjects) -> None:
        self._pieces = pieces
        self._subjects = subjects

    async def newest(self, name: str) -> Wish | None:
        """What is wanted of a sprint or an order, by its id. Raises BadRecord, nats.errors.Error, TimeoutError."""
        return (await self._read(name))[0]

    async def names(self) -> set[str]:
        """The ids of which something was ever wanted. Raises nats.errors.Error, TimeoutError."""
        found = await self._pieces.subjects(self._subjects.every("sprint.wish"))
        return {self._subjects.parse(subject).parts[0] for subject in found}

    async def want(self, name: str, wish: Wish) -> Wish:
        """Have a wish on the servers; returns what is wanted from now on, which is an end where one was wanted before.

        Raises BadRecord, StreamFull, nats.errors.Error, TimeoutError.
        """
        while True:
            known, last = await self._read(name)
            if known is not None and known.what == ABORT:
                return known
            try:
                await self._pieces.append(self._subject(name), orjson.dumps([*wish]), last)
            except Overtaken:  # somebody else wanted something at this moment
                continue
            return wish

    def _subject(self, name: str) -> str:
        return self._subjects.build("sprint.wish", name)

    async def _read(self, name: str) -> tuple[Wish | None, int]:
        data, last = await self._pieces.newest(self._subject(name))
        return (_wish(data) if last else None), last


def _wish(data: bytes) -> Wish:
    try:
        row = orjson.loads(data)
    except ValueError as error:
        raise BadRecord(f"this is no wish: {data[:80]!r}") from error
    if type(row) is not list or len(row) != len(Wish._fields):
        raise BadRecord(f"this is no wish: {data[:80]!r}")
    what, at_s, why = row
    if what not in WHATS or type(at_s) not in (int, float) or type(why) is not str:
        raise BadRecord(f"this is no wish: {data[:80]!r}")
    return Wish(what, float(at_s), why)
