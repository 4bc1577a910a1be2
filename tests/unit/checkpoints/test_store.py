"""A store gives back what was acknowledged, whatever befell its files, or names the file that is damaged."""

from __future__ import annotations

import errno
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints import recovery as reader
from checkpoints import segment
from checkpoints.commitlog import CommitLog
from checkpoints.errors import (
    CheckpointError,
    Corrupt,
    DiskFull,
    FolderInUse,
    NewerFormat,
    ReadFailed,
    StoreClosed,
    StoreFailed,
)
from checkpoints.segment import read_header, walk
from checkpoints.store import Store, changes_part, gone_part, open_store, states_part
from tests.support.disks import Fault, Killed, Process, SimDisk
from tests.support.stores import FOLDER, Story, contents, open_at, set_part, small_store

#: Files of a small store that have another one to fall back to.
NEWEST = ("MANIFEST", ".snap")
#: Files of a small store that count only where newer ones are damaged.
OLDER = ("00000002.log", "MANIFEST.before", "shard-01.00000001.snap", "window.00000001.snap")


def acts(store: Store, story: Story, chance: Random, count: int = 10) -> None:
    """A life of a store: commits, confirmations, rolls, compactions."""
    for number in range(count):
        story.commit(store, chance)
        if number % 4 == 1:
            store.log.confirm()
        if number % 5 == 2:
            store.log.roll()
        if number % 5 == 4:
            store.compact()


def lived(disk: SimDisk, seed: int = 3, **options: Any) -> Story:
    """A life, cut short where the disk says so. The story tells what must be there."""
    story = Story()
    try:
        store = open_at(disk, **options)
        acts(store, story, Random(seed))
        store.close()
    except (Killed, CheckpointError):
        pass
    return story


def steps_of_a_life() -> int:
    disk = SimDisk()
    lived(disk)
    return len(disk.trace)


def check(disk: SimDisk, story: Story) -> Store:
    """Opened, it holds the story, and takes more."""
    disk.kill()
    disk.faults = []
    disk.space_bytes = None
    store = open_at(disk)
    story.check(store)
    return store


# -- use ---------------------------------------------------------------------------------------------------------------


def test_what_was_committed_is_there_after_the_next_opening() -> None:
    disk = SimDisk()
    store = open_at(disk)
    assert store.commit([set_part(17, 5), changes_part("scout", ["a"], [{"+notes": ["x"]}])], 2) == 2
    assert store.commit([gone_part("scout", ["b"]), changes_part("scout", ["a"], [{"+notes": ["y"]}])], 2) == 4
    store.close()
    store = open_at(disk)
    assert contents(store) == {("counter", 17): {"total": 5}, ("scout", "a"): {"notes": ["x", "y"]}}
    assert [store.state("counter", 17), store.state("counter", 18), store.state("scout", "b"), store.state("nobody", 1)] == [
        {"total": 5},
        None,
        None,
        None,
    ]
    assert (store.recovered.records, store.recovered.torn, store.damage, store.is_fallback) == (4, None, [], False)
    assert store.folder == FOLDER


def test_a_store_on_the_real_disk_is_the_same(tmp_path: Path) -> None:
    folder = str(tmp_path / "a" / "w0")
    story, chance = Story(), Random(4)
    for _ in range(3):
        store = open_store(folder, shards=2, chance=os.urandom, segment_bytes=2_000)
        story.check(store)
        acts(store, story, chance, 20)
        with pytest.raises(FolderInUse) as caught:
            open_store(folder, shards=2, chance=os.urandom)
        assert caught.value.pid == os.getpid()
        store.close()


def test_every_state_is_told_once_whichever_of_its_neighbours_is_in_memory() -> None:
    """The first key of a block was in the log as well; then its neighbours were not told."""
    for asked in ([], [1], [2], [3], [1, 3], [9]):
        disk = SimDisk()
        store = open_at(disk, shards=1)
        store.commit([states_part("counter", ["total"], [1, 2, 3], [1, 2, 3])], 3)
        store.log.roll()
        store.compact()
        store.commit([set_part(1, 10), gone_part("counter", [3]), changes_part("counter", [4], [{"total": 4}])], 3)
        store.close()
        store = open_at(disk, shards=1)
        for key in asked:
            store.find("counter", key)
        expected = {("counter", 1): {"total": 10}, ("counter", 2): {"total": 2}, ("counter", 4): {"total": 4}}
        assert contents(store) == expected
        assert contents(store) == expected


def test_what_is_told_may_be_changed_without_harm() -> None:
    disk = SimDisk()
    store = open_at(disk)
    store.commit([states_part("k", ["a"], [1, 2], [[1], [2]])], 2)
    store.close()
    store = open_at(disk)
    for _, _, state in store.items():
        state["a"] = 9
    assert store.state("k", 1) == {"a": 1}


def test_a_key_is_found_though_its_block_was_read_before() -> None:
    """Blocks move when keys are added: a key that was never asked for is in one with a first key that was."""
    disk = SimDisk()
    store = open_at(disk, shards=1)
    store.commit([states_part("counter", ["total"], [5], [5])], 1)
    store.log.roll()
    store.compact()
    assert store.find("counter", 5)
    store.commit([states_part("counter", ["total"], [6], [6])], 1)
    store.log.roll()
    store.compact()
    assert store.state("counter", 6) == {"total": 6}
    assert store.state("counter", 7) is None


def noted(disk: SimDisk) -> Store:
    """A store that was opened again; the second of two notes stands behind the snapshot that has the first."""
    store = open_at(disk, shards=1)
    store.commit([states_part("k", ["notes"], [1], [[["x"]]])], 1)
    store.log.roll()
    store.compact()
    store.commit([changes_part("k", [1], [{"+notes": ["y"]}])], 1)
    store.close()
    return open_at(disk, shards=1)


def test_a_change_that_was_compacted_before_its_agent_was_looked_for_is_made_once() -> None:
    """It was made a second time, over the new snapshot that had it already: an item stood twice in its list."""
    store = noted(SimDisk())
    assert store.compact() is not None
    assert store.state("k", 1) == {"notes": ["x", "y"]}


def test_a_compaction_that_began_before_the_store_was_opened_changes_nothing_of_what_was_read() -> None:
    disk = SimDisk()
    store = noted(disk)
    manifest = store.manifest
    store.renew(manifest._replace(generation=manifest.generation + 1))
    assert store.state("k", 1) == {"notes": ["x", "y"]}


def test_a_row_that_was_taken_out_does_not_come_back_with_its_neighbour() -> None:
    disk = SimDisk()
    store = open_at(disk, shards=1)
    store.commit([states_part("counter", ["total"], [1, 2, 3], [1, 2, 3])], 3)
    store.log.roll()
    store.compact()
    assert store.find("counter", 1)
    rows = store.rows("counter").rows
    assert set(rows) == {1, 2, 3}
    del rows[1], rows[2]
    assert store.find("counter", 3)
    assert not store.find("counter", 4)
    assert set(rows) == {3}
    assert store.find("counter", 2)
    assert set(rows) == {2, 3}


def test_another_number_of_shards_is_refused() -> None:
    disk = SimDisk()
    open_at(disk).close()
    for shards in (1, 3):
        with pytest.raises(ValueError, match="has 2 shards"):
            open_at(disk, shards=shards)
    for shards in (0, 101):
        with pytest.raises(ValueError, match="1 to 100"):
            open_at(disk, shards=shards)


def test_a_store_is_closed_once_and_takes_nothing_afterwards(tmp_path: Path) -> None:
    """Twice would close a descriptor that belongs to somebody else by then."""
    store = open_store(str(tmp_path / "w0"), chance=os.urandom)
    store.close()
    other = os.open(tmp_path, os.O_RDONLY)
    store.close()
    os.fstat(other)
    os.close(other)
    with pytest.raises(StoreClosed):
        store.commit([set_part(1, 1)], 1)


def test_each_named_moment_is_passed() -> None:
    passed: list[str] = []
    disk = SimDisk()
    store = open_at(disk, failpoint=passed.append)
    store.commit([set_part(1, 1)], 1)
    store.log.roll()
    assert sorted(set(passed)) == [
        "commit.sync",
        "commit.synced",
        "commit.write",
        "commit.written",
        "mark.written",
        "open.locked",
        "open.read",
        "roll.created",
        "roll.renamed",
        "roll.sealed",
        "roll.written",
    ]


# -- owners ------------------------------------------------------------------------------------------------------------


def test_a_folder_has_one_owner_and_the_second_is_told_who() -> None:
    disk = SimDisk()
    first = disk.process()
    store = open_store(FOLDER, shards=2, chance=Random(1).randbytes, files=first)
    before = disk.image()
    for _ in range(3):
        with pytest.raises(FolderInUse) as caught:
            open_at(disk)
        assert (caught.value.folder, caught.value.pid) == (FOLDER, first.pid)
    assert disk.image() == before
    store.close()
    open_at(disk).close()


def test_a_late_writer_of_an_older_epoch_is_not_heard() -> None:
    """Its lock was lost, as on a network's disk: it goes on writing, confirms, rolls, and closes."""
    disk = SimDisk()
    late = open_at(disk)
    late.commit([set_part(1, 1)], 1)
    disk.locks.clear()
    store = open_at(disk)
    late.commit([set_part(1, 666)], 1)
    late.log.confirm()
    store.commit([set_part(2, 2)], 1)
    with pytest.raises(StoreFailed, match="something else writes here"):
        late.log.roll()
    late.close()
    disk.kill()
    assert contents(open_at(disk)) == {("counter", 1): {"total": 1}, ("counter", 2): {"total": 2}}


def test_an_opening_that_fails_gives_everything_back() -> None:
    origin = SimDisk()
    small_store(origin)
    path = f"{FOLDER}/00000003.log"
    for act in ("damage", "fault"):
        disk = SimDisk(origin.image())
        if act == "damage":
            disk.put(path, disk.image()[path][:-70])
        else:
            disk.faults = [Fault(1, errno.ENOSPC, ("create",))]
        process = disk.process()
        with pytest.raises((Corrupt, DiskFull)):
            open_store(FOLDER, shards=2, chance=Random(1).randbytes, files=process)
        assert process.handles == set()
        assert disk.locks == {}


# -- crashes and failures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_at_each_input_and_output_of_a_life_nothing_acknowledged_is_lost(is_after: bool, chance: Random) -> None:
    struck = 0
    for nth in range(1, steps_of_a_life() + 1):
        for is_power_cut in (False, True):
            disk = SimDisk()
            disk.faults = [Fault(nth, None, is_after=is_after)]
            story = lived(disk)
            struck += disk.faults[0].has_struck
            if is_power_cut:
                disk.cut_power(chance)
            store = check(disk, story)
            acts(store, story, Random(nth), 3)
            check(disk, story)
    assert struck > 100


@pytest.mark.parametrize(
    ("error", "is_lasting"), [(errno.ENOSPC, True), (errno.ENOSPC, False), (errno.EIO, False), (errno.EROFS, True)]
)
def test_whatever_fails_in_a_life_nothing_acknowledged_is_lost_and_nothing_refused_appears(
    error: int, is_lasting: bool, chance: Random
) -> None:
    for nth in range(1, steps_of_a_life() + 1):
        for is_power_cut in (False, True):
            disk = SimDisk()
            disk.faults = [Fault(nth, error, is_lasting=is_lasting, share=chance.random())]
            story = lived(disk)
            if is_power_cut:
                disk.cut_power(chance)
            store = check(disk, story)
            acts(store, story, Random(nth), 2)
            check(disk, story)


@pytest.mark.parametrize("space", range(0, 6_000, 37))
def test_a_disk_that_fills_up_refuses_and_with_room_again_goes_on(space: int) -> None:
    """The same store lives on: what it refuses is not there later, what it takes afterwards is."""
    disk = SimDisk()
    story, chance = Story(), Random(6)
    disk.space_bytes = space
    try:
        store = open_at(disk)
    except DiskFull:
        disk.space_bytes = None
        store = open_at(disk)
    refused = 0
    for number in range(30):
        refused += not story.commit(store, chance)
        if number % 4 == 3:
            store.log.roll()
        if number % 8 == 7:
            try:
                store.compact()
            except DiskFull:
                refused += 1
        if number == 20:
            disk.space_bytes = None
            refused_in_the_end = refused
    assert refused == refused_in_the_end
    check(disk, story)


def test_a_sync_that_fails_acknowledges_nothing_and_ends_the_store() -> None:
    for nth in range(1, 6):
        disk = SimDisk()
        store = open_at(disk)
        story, chance = Story(), Random(nth)
        for _ in range(nth):
            assert story.commit(store, chance)
        disk.faults = [Fault(1, errno.EIO, ("sync",))]
        assert not story.commit(store, chance)
        disk.faults = []
        writes = Counter(kind for kind, _ in disk.trace)["write"]
        with pytest.raises(StoreFailed):
            store.commit([set_part(1, 666)], 1)
        assert Counter(kind for kind, _ in disk.trace)["write"] == writes
        store.close()
        check(disk, story)


def test_a_read_that_fails_at_the_start_changes_nothing() -> None:
    origin = SimDisk()
    story = small_store(origin, is_closed=False)
    last = max(path for path in origin.image() if path.endswith(".log"))
    origin.put(last, origin.image()[last] + b"torn")
    probe = SimDisk(origin.image())
    open_at(probe)
    reads = sum(kind in ("read", "open", "names") for kind, _ in probe.trace)
    changed = 0
    for nth in range(1, reads + 1):
        disk = SimDisk(origin.image())
        disk.faults = [Fault(nth, errno.EIO, ("read", "open", "names"))]
        try:
            open_at(disk)
        except ReadFailed:
            assert disk.image() == origin.image()
        except StoreFailed:
            changed += 1  # a look into the folder for a name that is free, when all was read
        check(disk, story.copy())
    assert changed < 8


def test_killed_in_recovery_again_and_again_it_recovers(chance: Random) -> None:
    origin = SimDisk()
    story = small_store(origin, is_closed=False)
    last = max(path for path in origin.image() if path.endswith(".log"))
    torn = {**origin.image(), last: origin.image()[last] + b"torn tail"}
    probe = SimDisk(torn)
    open_at(probe)
    for nth in range(1, len(probe.trace) + 1):
        disk = SimDisk(torn)
        for round_ in range(5):
            disk.faults = [Fault(nth, None, is_after=bool(round_ % 2))]
            with suppress(Killed):
                story.copy().check(open_at(disk))
            disk.faults = []
            if round_ == 3:
                disk.cut_power(chance)
            disk.kill()
        check(disk, story.copy())
        assert [data for path, data in disk.image().items() if path.endswith(".broken")] in ([], [b"torn tail"])


@pytest.mark.parametrize("is_synced", [True, False])
def test_killed_and_then_without_power_what_was_read_back_is_there(is_synced: bool, chance: Random) -> None:
    """The process was killed, the next one told what it had read; then the power went."""
    probe = SimDisk()
    lived(probe, is_synced=is_synced)
    for nth in range(1, len(probe.trace) + 1):
        disk = SimDisk()
        disk.faults = [Fault(nth, None, is_after=bool(nth % 2))]
        story = lived(disk, is_synced=is_synced)
        store = check(disk, story)
        assert store.damage == []
        disk.cut_power(chance)
        check(disk, story)


def test_without_syncs_a_power_cut_takes_the_last_records_and_nothing_else(chance: Random) -> None:
    """Any number of them, from the last on; and what had been compacted stays."""
    lost = 0
    for seed in range(60):
        disk = SimDisk()
        store = open_at(disk, is_synced=False)
        for number in range(1, 31):
            store.commit(
                [states_part("counter", ["total"], [number], [number]), changes_part("log", [1], [{"+a": [number]}])], 2
            )
            if number in (8, 16):
                store.log.roll()
                store.compact()
        disk.cut_power(Random(f"{seed}/{chance.random()}"))
        found = contents(open_at(disk))
        count = len(found[("log", 1)]["a"])
        assert found[("log", 1)]["a"] == list(range(1, count + 1))
        assert {key for kind, key in found if kind == "counter"} == set(range(1, count + 1))
        assert count >= 16
        lost += count < 30
    assert lost > 10


# -- making ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_after", [False, True])
def test_a_making_that_was_killed_is_begun_anew(is_after: bool, chance: Random) -> None:
    probe = SimDisk()
    open_at(probe)
    for nth in range(1, len(probe.trace) + 1):
        for is_power_cut in (False, True, True):
            disk = SimDisk()
            disk.faults = [Fault(nth, None, is_after=is_after)]
            with pytest.raises(Killed):
                open_at(disk).close()
                raise Killed
            disk.faults = []
            if is_power_cut:
                disk.cut_power(chance)
            store = open_at(disk)
            store.commit([set_part(1, 1)], 1)
            disk.cut_power(chance)
            assert contents(open_at(disk)) == {("counter", 1): {"total": 1}}


def test_a_store_that_lost_its_log_is_no_new_store() -> None:
    disk = SimDisk()
    store = open_at(disk)
    store.commit([set_part(1, 1)], 1)
    store.close()
    disk.drop(f"{FOLDER}/00000001.log")
    before = disk.image()
    with pytest.raises(Corrupt, match="missing") as caught:
        open_at(disk)
    assert caught.value.file == f"{FOLDER}/00000001.log"
    assert disk.image() == before


@pytest.mark.parametrize("kept", [".log", ".snap"])
def test_a_store_that_lost_its_manifests_is_no_new_store(kept: str) -> None:
    origin = SimDisk()
    small_store(origin)
    disk = SimDisk({path: data for path, data in origin.image().items() if path.endswith(kept)})
    before = disk.image()
    with pytest.raises(Corrupt, match="MANIFEST"):
        open_at(disk)
    assert {path: data for path, data in disk.image().items() if "LOCK" not in path} == before
    disk = SimDisk()
    store = open_at(disk)
    store.commit([set_part(1, 1)], 1)
    store.close()
    disk.drop(f"{FOLDER}/MANIFEST")
    with pytest.raises(Corrupt, match="MANIFEST"):
        open_at(disk)


# -- damage ------------------------------------------------------------------------------------------------------------


def test_every_flipped_bit_of_a_whole_store_is_found_or_does_no_harm() -> None:
    """Refused with the file's name; or the story is there, and what was made good is told."""
    origin = SimDisk()
    story = small_store(origin)
    whole = origin.image()
    last = max(path for path in whole if path.endswith(".log"))
    outcomes: Counter[str] = Counter()
    for path, data in whole.items():
        for bit in range(len(data) * 8):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            disk = SimDisk({**whole, path: bytes(changed)})
            try:
                store = open_at(disk)
            except (Corrupt, NewerFormat) as error:
                assert error.file == path or error.file.endswith(".log")
                outcomes["refused"] += 1
                continue
            if bit % 8 == 0 or store.recovered.torn:
                story.copy().check(store)
            if store.damage:
                assert [error.file for error in store.damage] == [path]
                outcomes["made good"] += 1
            elif store.recovered.torn is not None:
                assert path == last
                assert store.recovered.torn.at == len(data) - 56
                outcomes["torn"] += 1
            else:
                outcomes["not needed"] += 1
    assert outcomes["torn"] == 56 * 8
    assert min(outcomes["refused"], outcomes["made good"], outcomes["not needed"]) > 1_000


def test_cut_at_every_byte_of_the_last_frames_the_story_so_far_is_there() -> None:
    disk = SimDisk()
    chance, story = Random(11), Story()
    store = open_at(disk)
    stories, sizes = [story.copy()], [store.log.segment_bytes]
    for _ in range(4):
        story.commit(store, chance)
        stories.append(story.copy())
        sizes.append(store.log.segment_bytes)
    path = f"{FOLDER}/00000001.log"
    whole = disk.image()
    for size in range(sizes[0], len(whole[path]) + 1):
        torn = SimDisk({**whole, path: whole[path][:size]})
        store = open_at(torn)
        good = max(at for at in range(len(sizes)) if sizes[at] <= size)
        stories[good].copy().check(store)
        kept = [data for name, data in torn.image().items() if name.endswith(".broken")]
        assert kept == ([whole[path][sizes[good] : size]] if size > sizes[good] else [])


@pytest.mark.parametrize("damage", ["missing", "empty", "zeros", "swapped", "of another store", "halved", "shortened"])
def test_any_file_that_is_not_what_it_was_is_named_or_made_good(damage: str) -> None:
    """Also the newest segment, where it is cut between two frames: the mark tells how far it went."""
    origin, other = SimDisk(), SimDisk()
    story = small_store(origin)
    stranger = open_at(other, chance=Random(99).randbytes)
    acts(stranger, Story(), Random(5))
    stranger.close()
    whole = origin.image()
    logs = sorted(path for path in whole if path.endswith(".log"))
    refused = 0
    for path in (path for path in whole if not path.endswith(("LOCK", "COMPACT"))):
        data, changed = whole[path], dict(whole)
        if damage == "missing":
            del changed[path]
        elif damage == "swapped":
            twin = logs[logs.index(path) - 1] if path in logs else f"{FOLDER}/MANIFEST"
            if path == twin:
                continue
            changed[path], changed[twin] = whole[twin], data
        elif damage == "of another store":
            changed[path] = other.image().get(path, other.image()[f"{FOLDER}/MARK"])
        elif damage == "shortened" and path in logs:
            changed[path] = data[: [one[0] for one in walk(data, read_header(data, path)) if len(one) == 2][1]]
        else:
            changed[path] = {"zeros": bytes(len(data)), "halved": data[: len(data) // 2]}.get(damage, b"")
        disk = SimDisk(changed)
        try:
            store = open_at(disk)
        except Corrupt as error:
            refused += 1
            assert error.file.startswith(FOLDER)
            assert disk.image() == changed
        else:
            story.copy().check(store)
            assert store.damage or path.endswith(OLDER)
            is_needed = path.endswith(NEWEST) and not path.endswith(OLDER)
            assert damage == "swapped" or store.is_fallback == is_needed
    assert refused >= 2


def test_frames_of_a_store_that_changed_places_are_found() -> None:
    disk = SimDisk()
    store = open_at(disk)
    for number in range(3):
        store.commit([set_part(1, number)], 1)
    disk.kill()
    path = f"{FOLDER}/00000001.log"
    data = disk.image()[path]
    one, two, three = (found[0] for found in walk(data, read_header(data, path)) if len(found) == 2)
    for changed in (data[:two] + data[three:] + data[two:three], data[:one] + data[two:], data + data[three:]):
        disk = SimDisk({**disk.image(), path: changed})
        with suppress(Corrupt):
            open_at(disk)
            raise AssertionError("nobody saw it")


def test_an_older_manifest_put_back_is_as_good_as_a_fallback() -> None:
    origin = SimDisk()
    story = small_store(origin)
    whole = origin.image()
    older = whole[f"{FOLDER}/MANIFEST.before"]
    check(SimDisk({**whole, f"{FOLDER}/MANIFEST": older}), story.copy())
    check(SimDisk({**whole, f"{FOLDER}/MANIFEST": older, f"{FOLDER}/MANIFEST.before": whole[f"{FOLDER}/MANIFEST"]}), story)


def test_a_copy_of_the_whole_folder_is_a_store() -> None:
    origin = SimDisk()
    story = small_store(origin, is_closed=False)
    check(SimDisk({path: data for path, data in origin.image().items() if "LOCK" not in path}), story)


def test_files_that_nobody_names_are_left_alone() -> None:
    origin = SimDisk()
    story = small_store(origin)
    strangers = {
        f"{FOLDER}/{name}": b"?"
        for name in ("MANIFEST.new", "00000009.log.new", "shard-00.00000099.snap", "window.00000099.snap.new", "notes", "1.log")
    }
    disk = SimDisk({**origin.image(), **strangers})
    check(disk, story)
    assert {path: disk.image()[path] for path in strangers} == strangers


def test_an_old_segment_that_came_back_is_not_read() -> None:
    origin = SimDisk()
    story = small_store(origin)
    disk = SimDisk({**origin.image(), f"{FOLDER}/00000001.log": b"anything"})
    assert check(disk, story).recovered.stale == [f"{FOLDER}/0000000{number}.log" for number in (1, 2)]


# -- negative controls -------------------------------------------------------------------------------------------------


class Lazy:
    """A mutant of the log's writer, by name."""

    @staticmethod
    def no_sync(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(CommitLog, "_sync", lambda _log: None)

    @staticmethod
    def no_folder_sync(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Process, "sync_folder", lambda _process, path: None)

    @staticmethod
    def acknowledged_before_it_is_written(patch: pytest.MonkeyPatch) -> None:
        real = CommitLog._write
        later: list[Any] = []

        def write(log: CommitLog, kind: int, parts: Any, count: int) -> int:
            if later:
                real(log, *later.pop())
            later.append((kind, list(parts), count))
            return log.durable + count

        patch.setattr(CommitLog, "_write", write)

    @staticmethod
    def appends_behind_what_a_failed_write_left(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(CommitLog, "_take_back", lambda _log, _good, _error: None)

    @staticmethod
    def tries_a_failed_sync_again(patch: pytest.MonkeyPatch) -> None:
        def sync(log: CommitLog) -> None:
            for _ in range(2):
                try:
                    log._file.sync()
                except OSError:
                    continue
                return

        patch.setattr(CommitLog, "_sync", sync)

    @staticmethod
    def goes_on_after_an_uncertain_roll(patch: pytest.MonkeyPatch) -> None:
        def fill(log: CommitLog, file: Any, path: str, data: bytes) -> None:
            try:
                file.write(data)
                file.sync()
                log._files.rename(f"{path}.new", path)
                log._files.sync_folder(log._folder)
            except OSError as error:
                raise DiskFull(path, error) from error

        patch.setattr(CommitLog, "_fill", fill)

    @staticmethod
    def trusts_what_it_reads_to_be_synced(patch: pytest.MonkeyPatch) -> None:
        real = reader._settle
        patch.setattr(reader, "_settle", lambda files, path, at, torn: torn and real(files, path, at, torn))


@pytest.mark.parametrize("mutant", [name for name in vars(Lazy) if not name.startswith("_")])
def test_a_careless_writer_would_be_found(mutant: str, monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    getattr(Lazy, mutant)(monkeypatch)
    checks = {
        "no_sync": lambda: test_killed_at_each_input_and_output_of_a_life_nothing_acknowledged_is_lost(False, chance),
        "no_folder_sync": lambda: test_killed_at_each_input_and_output_of_a_life_nothing_acknowledged_is_lost(False, chance),
        "acknowledged_before_it_is_written": lambda: (
            test_killed_at_each_input_and_output_of_a_life_nothing_acknowledged_is_lost(False, chance)
        ),
        "appends_behind_what_a_failed_write_left": lambda: [
            test_a_disk_that_fills_up_refuses_and_with_room_again_goes_on(space) for space in range(0, 6_000, 37)
        ],
        "tries_a_failed_sync_again": test_a_sync_that_fails_acknowledges_nothing_and_ends_the_store,
        "goes_on_after_an_uncertain_roll": (
            lambda: test_whatever_fails_in_a_life_nothing_acknowledged_is_lost_and_nothing_refused_appears(
                errno.EIO, False, chance
            )
        ),
        "trusts_what_it_reads_to_be_synced": (
            lambda: test_killed_and_then_without_power_what_was_read_back_is_there(False, chance)
        ),
    }
    with pytest.raises((AssertionError, CheckpointError)):
        checks[mutant]()


def test_a_chain_that_nobody_checks_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "_misplaced", lambda *_frame: None)
    with pytest.raises(AssertionError):
        test_frames_of_a_store_that_changed_places_are_found()


def test_a_mark_that_nobody_reads_would_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_marked", lambda *_folder: 0)
    with pytest.raises(AssertionError):
        test_any_file_that_is_not_what_it_was_is_named_or_made_good("shortened")
