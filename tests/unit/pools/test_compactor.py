"""A store that has sealed enough is folded in another process, and its worker is told; what cannot be folded is said once."""

from __future__ import annotations

import asyncio
import os
from asyncio import Future
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints.files import Disk
from checkpoints.manifest import read_manifest
from checkpoints.store import Store, open_store, states_part
from pools import compactor as module
from pools.compactor import Compactor
from pools.errors import PoolUnavailable
from pools.events import Event
from tests.support.processes import children, until
from tests.support.stores import Story, set_part


class Seat:
    """Keeps what its worker is told; away, it takes nothing."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.told: list[str] = []
        self.is_away = is_away

    def request(self, verb: str, **_facts: Any) -> Future[Any]:
        """As `Seat.request`."""
        self.told.append(verb)
        if self.is_away:
            raise PoolUnavailable("it is away")
        done: Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(1)
        return done


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    monkeypatch.setattr(module, "SEALED_BYTES", 1_000)


@asynccontextmanager
async def compactor(*stores: tuple[Path, Seat], events: list[Event] | None = None) -> AsyncIterator[Compactor]:
    told = [] if events is None else events
    made = Compactor([(str(folder), seat) for folder, seat in stores], os.environ, None, told.append)  # type: ignore[misc]
    made.start()
    try:
        yield made
    finally:
        await made.stop()


def store_at(folder: Path, commits: int, *, is_rolled: bool = True) -> tuple[Store, Story]:
    """An open store with a story in it."""
    store = open_store(str(folder), shards=2, chance=os.urandom, is_synced=False)
    story, chance = Story(), Random(1)
    for _ in range(commits):
        story.commit(store, chance)
    if is_rolled:
        store.log.roll()
    return store, story


def generation(folder: Path) -> int:
    return read_manifest(Disk(), str(folder))[0].generation


async def test_a_store_that_has_sealed_enough_is_folded_beside_its_writer_who_is_told(tmp_path: Path) -> None:
    store, story = store_at(tmp_path / "w0", 30)
    seat, events = Seat(), []
    async with compactor((tmp_path / "w0", seat), events=events) as made:
        await until(lambda: seat.told)
        assert made.count == 1
    assert (seat.told, events, generation(tmp_path / "w0")) == (["compacted"], [], 1)
    story.commit(store, Random(2))
    store.close()
    after = open_store(str(tmp_path / "w0"), shards=2, chance=os.urandom)
    story.check(after)
    after.close()


async def test_a_store_with_little_behind_it_is_left_alone(tmp_path: Path) -> None:
    sealed, _ = store_at(tmp_path / "small", 1)
    unsealed, _ = store_at(tmp_path / "open", 50, is_rolled=False)
    due, _ = store_at(tmp_path / "due", 30)
    seats = [Seat(), Seat(), Seat()]
    folders = [tmp_path / name for name in ("small", "open", "due")]
    async with compactor(*zip(folders, seats, strict=True)) as made:
        await until(lambda: seats[2].told)
        assert made.count == 1
    assert [generation(folder) for folder in folders] == [0, 0, 1]
    for store in (sealed, unsealed, due):
        store.close()


async def test_what_was_folded_counts_no_more_and_new_segments_do(tmp_path: Path) -> None:
    """Folded segments stay until the next time: a start that finds the new snapshots damaged needs them."""
    folders, seats = (tmp_path / "a", tmp_path / "b"), (Seat(), Seat())
    stores = [open_store(str(folder), shards=1, chance=os.urandom, is_synced=False) for folder in folders]
    for store in stores:
        seal(store)
    async with compactor(*zip(folders, seats, strict=True)) as made:
        for times in (1, 2, 3):  # the first has its turn before the second each time
            await until(lambda times=times: len(seats[1].told) == times)
            seal(stores[1])
        assert len(list(folders[0].glob("*.log"))) == 2
        assert (len(seats[0].told), made.count) == (1, 4)
        seal(stores[0])
        await until(lambda: len(seats[0].told) == 2)
    assert generation(folders[0]) == 2
    for store in stores:
        store.close()


def seal(store: Store) -> None:
    """Fill a segment with states of one key, of which a snapshot needs the last one only."""
    for number in range(100):
        store.commit([set_part(1, number)], 1)
    store.log.roll()


async def test_a_worker_that_is_away_keeps_nothing_from_being_folded(tmp_path: Path) -> None:
    stores = [store_at(tmp_path / name, 30)[0] for name in ("a", "b")]
    away, there = Seat(is_away=True), Seat()
    async with compactor((tmp_path / "a", away), (tmp_path / "b", there)) as made:
        await until(lambda: there.told)
        assert made.count == 2
    for store in stores:
        store.close()


async def test_a_store_that_cannot_be_folded_is_said_and_left_alone_for_a_while(tmp_path: Path) -> None:
    bad, _ = store_at(tmp_path / "bad", 30)
    good, story = store_at(tmp_path / "good", 30)
    log = min((tmp_path / "bad").glob("*.log"))
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    events: list[Event] = []
    seats = Seat(), Seat()
    async with compactor((tmp_path / "bad", seats[0]), (tmp_path / "good", seats[1]), events=events) as made:
        for times in (1, 2):  # the store before it in the list had its turn in between
            await until(lambda times=times: len(seats[1].told) == times)
            for _ in range(100):
                story.commit(good, Random(times))
            good.log.roll()
        assert made.count == 2
    (event,) = events
    assert event.name == "store.unfolded"
    assert log.name in event.text
    assert seats[0].told == []
    for store in (bad, good):
        store.close()


async def test_folders_that_are_not_there_or_hold_nothing_of_the_kind_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "MANIFEST").write_bytes(b"nothing of the kind")
    (tmp_path / "strange" / "00000001.log").write_bytes(bytes(10_000))
    (tmp_path / "strange" / "00000002.log").write_bytes(bytes(10_000))
    store, _ = store_at(tmp_path / "due", 30)
    seat, events = Seat(), []
    others = [(tmp_path / name, Seat()) for name in ("missing", "empty", "strange")]
    async with compactor(*others, (tmp_path / "due", seat), events=events) as made:
        await until(lambda: seat.told)
        assert made.count == 1
    assert events == []
    store.close()


async def test_what_is_under_way_at_the_end_is_ended_and_harms_nothing(tmp_path: Path) -> None:
    store, story = store_at(tmp_path, 30)
    before = set(children())
    async with compactor((tmp_path, Seat())):
        await until(lambda: set(children()) - before)
    assert set(children()) <= before
    story.commit(store, Random(2))
    store.close()
    after = open_store(str(tmp_path), shards=2, chance=os.urandom)
    story.check(after)
    after.close()


async def test_one_that_was_never_started_can_be_stopped() -> None:
    await Compactor([], os.environ, None, lambda _event: None).stop()


def test_many_small_records_are_folded_before_they_have_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes a log over reads it record by record."""
    monkeypatch.setattr(module, "SEALED_BYTES", 1 << 30)
    monkeypatch.setattr(module, "SEALED_RECORDS", 99)
    folder = str(tmp_path)
    store = open_store(folder, shards=2, chance=os.urandom, is_synced=False)
    for size, is_due in ((99, False), (1, True)):
        store.commit([states_part("counter", ["total"], list(range(size)), [0] * size)], size)
        assert not module._is_due(folder)  # nothing is sealed
        store.log.roll()
        assert module._is_due(folder) == is_due
    store.compact()
    assert not module._is_due(folder)
    store.commit([states_part("counter", ["total"], list(range(5_000)), list(range(5_000)))], 5_000)
    store.log.roll()
    store.compact()
    for number in range(100):
        store.commit([set_part(number, 1)], 1)
    store.log.roll()
    assert not module._is_due(folder), "all states would be written again for a few changes"
    for number in range(400):
        store.commit([set_part(number, 1)], 1)
    store.log.roll()
    assert module._is_due(folder)
    store.close()
