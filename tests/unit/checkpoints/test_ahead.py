"""Who reads a store while another process writes it has the rest to read when it takes it over, and reads nothing wrong."""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from checkpoints.ahead import Ahead
from checkpoints.errors import CheckpointError, Corrupt
from checkpoints.manifest import read_manifest
from checkpoints.store import Store, open_store
from tests.support.disks import Fault, Killed, Process, SimDisk
from tests.support.stores import FOLDER, Story, small_store


class Watched(Process):
    """A process between whose acts on the disk something else happens."""

    def __init__(self, disk: SimDisk, between: Callable[[], object]) -> None:
        super().__init__(disk, 77)
        self._between = between

    def io(self, kind: str, path: str, act: Callable[[], Any], fail: Callable[[float], None] = lambda _share: None) -> Any:
        got = super().io(kind, path, act, fail)
        self._between()
        return got


def opened(disk: SimDisk, files: Process | None = None, ahead: Ahead | None = None) -> Store:
    return open_store(FOLDER, shards=2, chance=Random(1).randbytes, files=files or disk.process(), ahead=ahead)


def live(store: Store, story: Story, chance: Random, count: int) -> None:
    """Commits, confirmations, rolls, compactions."""
    for _ in range(count):
        story.commit(store, chance)
        act = chance.randrange(12)
        if act < 2:
            store.log.confirm()
        elif act == 2:
            store.log.roll()
        elif act == 3:
            store.log.roll()
            store.compact()


def test_what_was_read_before_is_not_read_again() -> None:
    disk = SimDisk()
    story = small_store(disk)
    ahead = Ahead(disk.process(), FOLDER)
    assert ahead.read() == 4
    store = opened(disk)
    for _ in range(3):
        story.commit(store, Random(1))
    assert ahead.read() == 3
    assert ahead.read() == 0
    story.commit(store, Random(2))
    store.close()
    again = opened(disk, ahead=ahead)
    assert (again.recovered.frames, again.recovered.records) == (1, 1)
    story.check(again)


@pytest.mark.parametrize("seed", range(150))
def test_whenever_it_reads_the_new_owner_has_what_was_acknowledged(seed: int) -> None:
    """It reads between any two acts of the writer, which ends well, is killed, or meets an error, at any act."""
    chance = Random(seed)
    disk = SimDisk()
    story = small_store(disk)
    ahead = Ahead(disk.process(), FOLDER)
    often = chance.choice([0.02, 0.2, 1.0])

    def look() -> None:
        faults = disk.faults
        disk.faults = [fault for fault in faults if fault.error is not None]  # nobody kills the reader
        if chance.random() < often:
            ahead.read()
        disk.faults = faults

    writer = Watched(disk, look)
    error = chance.choice([None, None, errno.EIO, errno.ENOSPC])
    disk.faults = [Fault(len(disk.trace) + chance.randrange(1, 1_500), error, share=chance.random())]
    try:
        store = opened(disk, writer)
        live(store, story, chance, chance.randrange(40))
        if chance.random() < 0.5:
            store.close()
    except (Killed, CheckpointError):
        pass
    disk.faults = []
    writer.end()
    heir = disk.process()
    taken = opened(disk, heir, ahead)
    story.check(taken)
    live(taken, story, chance, 5)
    taken.close()
    story.check(opened(disk))


def test_a_compaction_costs_it_what_it_has_read_and_no_more() -> None:
    disk = SimDisk()
    story = small_store(disk)
    ahead = Ahead(disk.process(), FOLDER)
    store = opened(disk)
    ahead.read()
    store.log.roll()
    store.compact()
    story.commit(store, Random(3))
    store.close()
    again = opened(disk, ahead=ahead)
    story.check(again)
    again.close()
    ahead = Ahead(disk.process(), FOLDER)
    ahead.read()
    again = opened(disk)
    again.log.roll()
    again.compact()
    ahead.read()
    again.close()
    last = opened(disk, ahead=ahead)
    assert last.recovered.frames == 0
    story.check(last)


def test_records_that_were_cut_off_after_it_had_read_them_count_for_nobody() -> None:
    disk = SimDisk()
    story = small_store(disk)
    ahead = Ahead(disk.process(), FOLDER)
    writer = disk.process()
    store = opened(disk, writer)
    story.commit(store, Random(3))
    ahead.read()
    size_bytes = len(disk.image()[f"{FOLDER}/00000005.log"])
    story.copy().commit(store, Random(4))
    assert ahead.read() == 1
    disk.inode(f"{FOLDER}/00000005.log").cut(size_bytes)
    writer.end()
    story.check(opened(disk, ahead=ahead))


def test_what_was_taken_over_unsynced_is_on_the_disk(chance: Random) -> None:
    for _ in range(20):
        disk = SimDisk()
        story = small_store(disk)
        ahead = Ahead(disk.process(), FOLDER)
        writer = disk.process()
        store = opened(disk, writer)
        disk.faults = [Fault(1, None, ("sync",))]
        with pytest.raises(Killed):
            story.commit(store, Random(3))
        assert ahead.read() == 5
        story.check(opened(disk, ahead=ahead))
        disk.cut_power(chance)
        story.check(opened(disk))


def test_damage_in_what_it_has_not_read_is_told_by_whoever_opens_the_store() -> None:
    disk = SimDisk()
    story = small_store(disk)
    store = opened(disk)
    ahead = Ahead(disk.process(), FOLDER)
    ahead.read()
    path = f"{FOLDER}/00000005.log"
    at = len(disk.image()[path])
    for _ in range(3):
        story.commit(store, Random(3))
    store.close()
    data = disk.image()[path]
    disk.put(path, data[: at + 40] + bytes([data[at + 40] ^ 1]) + data[at + 41 :])
    assert ahead.read() == 0
    with pytest.raises(Corrupt, match=r"00000005\.log"):
        opened(disk, ahead=ahead)


def test_it_changes_nothing_and_gives_everything_back() -> None:
    disk = SimDisk()
    small_store(disk, is_closed=False)
    before = disk.image()
    process = disk.process()
    ahead = Ahead(process, FOLDER)
    ahead.read()
    assert disk.image() == before
    assert process.handles
    ahead.close()
    assert not process.handles
    ahead.read()
    manifest = read_manifest(process, FOLDER)[0]
    assert ahead.finished(manifest._replace(generation=9)) is None
    assert not process.handles


def test_a_folder_that_is_not_there_holds_nothing_yet() -> None:
    assert Ahead(SimDisk().process(), FOLDER).read() == 0
