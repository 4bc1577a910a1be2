"""Whichever input or output of the roster fails: what was promised is there, and of the rest each act whole or not at all."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import pytest

from checkpoints.errors import CheckpointError
from checkpoints.store import open_store
from pools import roster as module
from pools.errors import StateUnreadable
from pools.placement import Part, Placement
from pools.roster import Roster
from pools.spec import PoolSpec
from tests.support.disks import Fault, Killed, SimDisk

POOLS = (PoolSpec("a", agents=100), PoolSpec("b", agents=100, workers=2))
#: More inputs and outputs than anything here does.
MOST = 400

Named = dict[int, list[str]]


class Books:
    """A roster, and the agents as the engine knows them: what could not be kept is as if nobody had asked."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.placement = Placement(POOLS, 1_000)
        roster.restore(self.placement)

    async def spawn(self, kind: str, parts: Sequence[Part], names: Named | None = None, skills: Sequence[str] = ()) -> None:
        named = names or {}
        self.placement.restore(kind, parts, list(named.items()))
        try:
            await self.roster.spawned(kind, [] if named else parts, named, skills)
        except BaseException:
            self.placement.take(
                kind, [(part.start, part.stop) for part in parts], [one for part in named.values() for one in part]
            )
            raise

    async def remove(self, kind: str, ranges: Sequence[tuple[int, int]], names: Sequence[str]) -> None:
        parts, named = self.placement.take(kind, ranges, names)
        try:
            await self.roster.removed(kind, parts, named)
        except BaseException:
            self.placement.restore(kind, parts, list(named.items()))
            raise


#: What is done one after the other: of these each stands on the disk whole, or not at all.
ACTS: list[Callable[[Books], Awaitable[Any]]] = [
    lambda books: books.spawn("counter", [Part(0, 0, 5), Part(1, 5, 9)]),
    lambda books: books.roster.loaded("counter", "m:Counter", ["/x"]),
    lambda books: books.spawn("counter", [], {0: ["x"], 1: ["y", "z"]}, ["draw"]),
    lambda books: books.spawn("other", [Part(1, 0, 3)]),
    lambda books: books.remove("counter", [(1, 3)], ["y"]),
    lambda books: books.roster.settled("counter", 0),
    lambda books: books.roster.coded({"phase": "canary"}),
    lambda books: books.spawn("counter", [Part(0, 9, 12)]),
]


def shown(books: Books) -> dict[str, Any]:
    """What a start finds."""
    roster, placement = books.roster, books.placement
    keys = {kind: sorted(map(str, _keys(placement, kind))) for kind in sorted(placement.kinds())}
    return {
        "keys": {kind: found for kind, found in keys.items() if found},
        "classes": roster.classes(),
        "going": [(kind, parts, names) for kind, parts, names, _ in roster.going()],
        "code": roster.code(),
    }


def _keys(placement: Placement, kind: str) -> list[Any]:
    numbered = [key for pool in range(2) for part in placement.parts_of(kind, pool) for key in range(part.start, part.stop)]
    return numbered + [name for _, names in placement.runs_of(kind) for name in names]


def opened(disk: SimDisk, monkeypatch: pytest.MonkeyPatch) -> Roster:
    monkeypatch.setattr(module, "open_store", partial(open_store, files=disk.process()))
    return Roster("r", POOLS, is_synced=True)


def found_in(disk: SimDisk, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the next start would find."""
    books = Books(opened(disk, monkeypatch))
    found = shown(books)
    books.roster.close()
    return found


async def acted(books: Books, first: int = 0) -> int:
    """Do one act after the other, until one fails; how many were promised."""
    for at in range(first, len(ACTS)):
        try:
            await ACTS[at](books)
        except (CheckpointError, OSError, Killed):
            return at
    return len(ACTS)


async def life(disk: SimDisk, monkeypatch: pytest.MonkeyPatch) -> int:
    """A start, all acts, and a good end, as far as that goes; how many acts were promised."""
    try:
        roster = opened(disk, monkeypatch)
    except (CheckpointError, StateUnreadable, OSError, Killed):
        return 0
    promised = 0
    with suppress(CheckpointError, OSError, Killed):
        promised = await acted(Books(roster))
    with suppress(CheckpointError, OSError, Killed):
        roster.close()
    return promised


async def test_what_was_promised_is_there_and_no_act_is_half_there(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for count in range(len(ACTS) + 1):
        disk = SimDisk()
        books = Books(opened(disk, monkeypatch))
        for act in ACTS[:count]:
            await act(books)
        books.roster.close()
        states.append(found_in(disk, monkeypatch))
    assert len({str(state) for state in states}) == len(states)
    chance = Random(9)
    for error, is_after, is_lasting in (
        *((errno.EIO, False, False), (errno.EIO, True, False), (errno.EIO, False, True)),
        *((errno.ENOSPC, False, False), (None, False, False), (None, True, False)),
    ):
        has_struck, nth = True, 0
        while has_struck:
            nth += 1
            assert nth < MOST
            disk = SimDisk()
            disk.faults = [fault := Fault(nth, error, is_after=is_after, is_lasting=is_lasting, share=chance.random())]
            promised = await life(disk, monkeypatch)
            has_struck = fault.has_struck
            disk.faults = []
            if chance.random() < 0.5:
                disk.cut_power(chance)
            else:
                disk.kill()
            books = Books(opened(disk, monkeypatch))
            found = shown(books)
            assert found in states[promised : promised + 2], (error, is_after, is_lasting, nth, promised)
            assert await acted(books, states.index(found)) == len(ACTS)  # and it goes on from there
            books.roster.close()
            assert found_in(disk, monkeypatch) == states[-1]
        assert promised == len(ACTS)
