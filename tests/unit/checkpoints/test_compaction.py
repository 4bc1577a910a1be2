"""Whatever happens while segments are folded into snapshots, the store holds what it held."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

import pytest

from checkpoints import compaction as module
from checkpoints.compaction import compact, fold_frame
from checkpoints.errors import CheckpointError, Corrupt, DiskFull, FolderInUse, ReadFailed
from checkpoints.files import Files
from checkpoints.frame import COMMIT, Frame, Part
from checkpoints.manifest import read_manifest
from checkpoints.segment import NO_DIGEST
from checkpoints.store import changes_part, gone_part, states_part
from checkpoints.table import Table
from checkpoints.window import Window
from tests.support.disks import Fault, Killed, SimDisk
from tests.support.stores import FOLDER, Story, contents, open_at, set_part


def told(disk: SimDisk, commits: int = 12, *, is_rolled: bool = True) -> Story:
    """A store with a story in a sealed segment behind two generations of snapshots."""
    story, chance = Story(), Random(8)
    store = open_at(disk)
    for _ in range(3):
        for _ in range(commits // 3):
            story.commit(store, chance)
        store.log.roll()
        if is_rolled and store.log.segment < 4:
            store.compact()
    story.commit(store, chance)
    disk.kill()
    return story


def names(disk: SimDisk) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in disk.image())


def check(disk: SimDisk, story: Story) -> None:
    """Opened, twice, it holds the story."""
    for _ in range(2):
        disk.kill()
        disk.faults = []
        store = open_at(disk)
        story.check(store)
        assert store.damage == []


def test_a_compacted_store_holds_what_it_held() -> None:
    disk = SimDisk()
    story = told(disk)
    done = compact(disk.process(), FOLDER)
    assert done is not None
    assert (done.manifest.generation, done.manifest.segment, done.manifest.covered) == (3, 4, 12)
    assert done.records == 4
    check(disk, story)


def test_there_is_nothing_to_do_without_a_sealed_segment() -> None:
    disk = SimDisk({f"{FOLDER}/other": b""})
    assert compact(disk.process(), FOLDER) is None
    store = open_at(disk)
    store.commit([set_part(1, 1)], 1)
    assert store.compact() is None


def test_only_what_the_last_two_manifests_need_is_kept_and_nothing_else_is_touched() -> None:
    disk = SimDisk()
    told(disk)
    strangers = ["00000001.log.0.broken", "00000009.log.new", "MANIFEST.old", "notes.txt", "window.snapshot"]
    orphans = ["shard-00.00000044.snap", "shard-01.00000044.snap.new", "window.00000044.snap"]
    for name in [*strangers, *orphans]:
        disk.put(f"{FOLDER}/{name}", b"?")
    done = compact(disk.process(), FOLDER)
    assert done is not None
    assert set(orphans) <= set(done.removed)
    left = names(disk)
    assert set(strangers) <= set(left)
    assert not set(orphans) & set(left)
    new, old = read_manifest(disk.process(), FOLDER)
    assert [name for name in left if name.endswith(".log")] == [f"{number:08d}.log" for number in (old.segment, new.segment)]
    assert {name for name in left if name.endswith(".snap")} == {
        *(f"shard-{shard:02d}.{generation:08d}.snap" for one in (new, old) for shard, generation in one.snapshots.items()),
        *(f"window.{one.window:08d}.snap" for one in (new, old)),
    }


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_at_each_input_and_output_and_done_again_it_holds_what_it_held(is_after: bool, chance: Random) -> None:
    origin = SimDisk()
    story = told(origin)
    probe = SimDisk(origin.image())
    compact(probe.process(), FOLDER)
    struck = 0
    for nth in range(1, len(probe.trace) + 1):
        disk = SimDisk(origin.image())
        disk.faults = [Fault(nth, None, is_after=is_after)]
        with pytest.raises(Killed):
            compact(disk.process(), FOLDER)
        struck += 1
        disk.faults = []
        if nth % 2:
            disk.cut_power(chance)
        check(disk, story.copy())
        compact(disk.process(), FOLDER)
        check(disk, story.copy())
        assert not [name for name in names(disk) if name.endswith(".snap.new")]
    assert struck > 40


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("is_lasting", [False, True])
def test_whichever_input_or_output_fails_everything_counts_as_before_or_as_after(error: int, is_lasting: bool) -> None:
    origin = SimDisk()
    story = told(origin)
    probe = SimDisk(origin.image())
    compact(probe.process(), FOLDER)
    for nth in range(1, len(probe.trace) + 1):
        disk = SimDisk(origin.image())
        disk.faults = [Fault(nth, error, is_lasting=is_lasting)]
        with pytest.raises((DiskFull, ReadFailed)):
            compact(disk.process(), FOLDER)
        check(disk, story.copy())
        compact(disk.process(), FOLDER)
        check(disk, story.copy())


@pytest.mark.parametrize("space", range(0, 1_500, 100))
def test_a_disk_that_fills_up_and_has_room_again_loses_nothing(space: int) -> None:
    disk = SimDisk()
    story = told(disk)
    disk.space_bytes = disk.used_bytes + space
    try:
        compact(disk.process(), FOLDER)
    except DiskFull:
        disk.space_bytes = None
        check(disk, story.copy())
        compact(disk.process(), FOLDER)
    disk.space_bytes = None
    check(disk, story)


def test_each_named_moment_is_passed() -> None:
    disk = SimDisk()
    told(disk)
    passed: list[str] = []
    compact(disk.process(), FOLDER, failpoint=passed.append)
    assert sorted(set(passed)) == ["compact.named", "compact.removed", "compact.snapshot", "compact.written"]


def test_one_compacts_at_a_time() -> None:
    disk = SimDisk()
    story = told(disk)
    one, two = disk.process(), disk.process()

    def other(_name: str) -> None:
        with pytest.raises(FolderInUse) as caught:
            compact(two, FOLDER)
        assert caught.value.pid == one.pid

    compact(one, FOLDER, failpoint=other)
    check(disk, story)


def test_it_runs_beside_the_process_that_writes() -> None:
    disk = SimDisk()
    store = open_at(disk)
    for number in range(4):
        store.commit([set_part(number, number)], 1)
        store.log.roll()
    moments = iter(range(100, 200))
    compact(disk.process(), FOLDER, failpoint=lambda _name: store.commit([set_part(next(moments), 0)], 1) and store.log.roll())
    store.commit([set_part(7, 7)], 1)
    done = next(moments)
    disk.kill()
    assert contents(open_at(disk)) == {
        **{("counter", number): {"total": number} for number in (0, 1, 2, 3, 7)},
        **{("counter", number): {"total": 0} for number in range(100, done)},
    }


def test_a_segment_to_stop_at_that_is_not_there_is_refused() -> None:
    """It would be named by the manifest, and what was written before it removed."""
    disk = SimDisk()
    told(disk)
    before = disk.image()
    with pytest.raises(Corrupt, match="missing"):
        compact(disk.process(), FOLDER, stop=9)
    assert {path: data for path, data in disk.image().items() if "COMPACT" not in path} == {
        path: data for path, data in before.items() if "COMPACT" not in path
    }


@pytest.mark.parametrize("name", ["shard-00", "shard-01", "window"])
def test_a_damaged_file_of_the_newest_manifest_is_made_good_from_the_one_before(name: str) -> None:
    disk = SimDisk()
    story = told(disk)
    new = read_manifest(disk.process(), FOLDER)[0]
    (path,) = (path for path in disk.image() if name in path and path.endswith(f"{new.generation:08d}.snap"))
    disk.put(path, disk.image()[path][:-1] + b"?")
    for _ in range(2):
        disk.kill()
        store = open_at(disk)
        story.copy().check(store)
        assert [error.file for error in store.damage] == [path]
        assert store.is_fallback
    store.log.roll()
    done = store.compact()
    assert done is not None
    story.copy().check(store)
    check(disk, story)
    assert [manifest.generation for manifest in read_manifest(disk.process(), FOLDER)] == [3, 1]


def test_after_a_fallback_the_damaged_manifest_is_not_the_one_to_fall_back_to() -> None:
    """Killed at each step: there is always one with whole files."""
    origin = SimDisk()
    story = told(origin)
    (path,) = (path for path in origin.image() if path.endswith("window.00000002.snap"))
    origin.put(path, b"damaged")
    for nth in range(1, 200):
        disk = SimDisk(origin.image())
        disk.faults = [Fault(nth)]
        try:
            compact(disk.process(), FOLDER)
        except Killed:
            disk.faults = []
            disk.kill()
            story.copy().check(open_at(disk))
        else:
            break
    for name in [name for name in names(disk) if name.endswith("00000003.snap")]:
        again = SimDisk(disk.image())
        again.put(f"{FOLDER}/{name}", b"damaged too")
        store = open_at(again)
        story.copy().check(store)
        assert len(store.damage) == 1


def test_damage_in_the_log_stops_a_compaction_and_changes_nothing() -> None:
    disk = SimDisk()
    told(disk)
    path = f"{FOLDER}/00000003.log"
    data = bytearray(disk.image()[path])
    data[150] ^= 1
    disk.put(path, bytes(data))
    before = disk.image()
    for _ in range(2):
        with pytest.raises(Corrupt) as caught:
            compact(disk.process(), FOLDER)
        assert caught.value.file == path
    assert disk.image() == before


# -- folding -----------------------------------------------------------------------------------------------------------


def both_ways(steps: list[list[Part]]) -> dict[Any, Any]:
    """What a store says after these commits; the same however often it was compacted between them, and where."""
    said = []
    for folded in range(2 ** len(steps)):
        disk = SimDisk()
        store = open_at(disk)
        for at, parts in enumerate(steps):
            store.commit(parts, 1)
            if folded >> at & 1:
                store.log.roll()
                store.compact()
        disk.kill()
        said.append(contents(open_at(disk)))
    assert [one for one in said if one != said[0]] == []
    return said[0]


def test_changes_meet_their_state_wherever_it_stands() -> None:
    assert both_ways(
        [
            [states_part("k", ["a", "log"], [1, 2], [[1, ["x"]], [2, []]])],
            [changes_part("k", [1, 2, 3], [{"+log": ["y"]}, {"a": 5}, {"+log": [0]}])],
            [gone_part("k", [2])],
            [changes_part("k", [1, 2, 3], [{"+log": ["z"], "a": 9}, {"b": 1}, {"+log": [1]}])],
        ]
    ) == {("k", 1): {"a": 9, "log": ["x", "y", "z"]}, ("k", 2): {"b": 1}, ("k", 3): {"log": [0, 1]}}


def test_states_of_changed_classes_keep_their_fields_by_name() -> None:
    assert both_ways(
        [
            [states_part("k", ["a"], [1, 2, 3], [5, 6, 7])],
            [states_part("k", ["b", "a"], [2], [[1, 2]])],
            [states_part("k", [], [3, 4], [[], []])],
            [states_part("k", ["c"], [5], [[8]]), changes_part("k", [1, 4], [{"d": 0}, {"d": 1}])],
        ]
    ) == {("k", 1): {"a": 5, "d": 0}, ("k", 2): {"b": 1, "a": 2}, ("k", 3): {}, ("k", 4): {"d": 1}, ("k", 5): {"c": 8}}


def test_a_kind_whose_states_are_all_gone_leaves_nothing() -> None:
    assert both_ways([[states_part("k", ["a"], [1, "x"], [1, 2])], [gone_part("k", [1, "x"])], [gone_part("k", [5])]]) == {}


def test_changes_that_do_not_fit_are_damage_not_a_crash() -> None:
    disk = SimDisk()
    store = open_at(disk)
    for part in (set_part(1, 5), changes_part("counter", [1], [{"+total": [1]}])):
        store.commit([part], 1)
        store.log.roll()
        if store.log.segment == 2:
            store.compact()
    with pytest.raises(Corrupt, match="counter/1"):
        store.compact()
    disk.kill()
    store = open_at(disk)
    with pytest.raises(Corrupt, match="counter/1"):
        store.find("counter", 1)


def frame_of(*parts: Part) -> Frame:
    return Frame(COMMIT, 1, 1, 1, 1, 0, NO_DIGEST, NO_DIGEST, 100, list(parts))


def test_a_part_in_lower_case_is_skipped_and_one_in_upper_case_must_be_known() -> None:
    table, window = Table(), Window()
    fold_frame(table, window, frame_of(Part(b"z", b"?"), set_part(1, 5), Part(b"\x00", b""), Part(b"5", b"")), "x.log", 72)
    assert table.kinds["counter"].rows == {1: [5]}
    for letter in (b"Z", b"A", b"Y"):
        with pytest.raises(Corrupt) as caught:
            fold_frame(table, window, frame_of(Part(letter, b"")), "x.log", 72)
        assert (caught.value.file, caught.value.offset) == ("x.log", 72)


@pytest.mark.parametrize("part", [Part(b"S", b"{"), Part(b"R", b"short"), Part(b"M", b"[]")])
def test_a_part_that_is_none_is_damage_at_its_place(part: Part) -> None:
    with pytest.raises(Corrupt) as caught:
        fold_frame(Table(), Window(), frame_of(part), "x.log", 72)
    assert (caught.value.file, caught.value.offset) == ("x.log", 72)


# -- negative controls -------------------------------------------------------------------------------------------------


def test_a_manifest_that_is_written_before_its_files_would_be_found(monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    real = module.write_snapshot
    held: list[Any] = []
    monkeypatch.setattr(module, "write_snapshot", lambda *arguments, **named: held.append((arguments, named)) or 0)

    def late(files: Files, folder: str, new: Any, old: Any) -> list[str]:
        mine = [one for one in held if one[0][0] is files]
        for arguments, named in mine:
            real(*arguments, **named)
        return []

    monkeypatch.setattr(module, "_remove_stale", late)
    with pytest.raises((AssertionError, CheckpointError)):
        test_killed_at_each_input_and_output_and_done_again_it_holds_what_it_held(False, chance)


def test_a_removal_before_the_manifest_would_be_found(monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    real = module.write_manifest

    def hasty(files: Files, folder: str, manifest: Any, before: Any) -> None:
        module._remove_stale(files, folder, manifest, manifest)
        for number in range(1, manifest.segment):
            path = f"{folder}/{number:08d}.log"
            if path.rpartition("/")[2] in files.names(folder):
                files.remove(path)
        real(files, folder, manifest, before)

    monkeypatch.setattr(module, "write_manifest", hasty)
    with pytest.raises((AssertionError, CheckpointError)):
        test_killed_at_each_input_and_output_and_done_again_it_holds_what_it_held(False, chance)
