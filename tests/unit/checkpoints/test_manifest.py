"""The manifest is replaced as a whole: at any moment one that is whole can be read."""

from __future__ import annotations

import errno
from contextlib import suppress
from random import Random
from typing import Any

import orjson
import pytest

from checkpoints.errors import CheckpointError, Corrupt, NewerFormat, ReadFailed
from checkpoints.frame import COMMIT, INDEX, Part, encode
from checkpoints.manifest import BEFORE, MANIFEST, VERSION, Manifest, read_manifest, write_manifest
from checkpoints.segment import NO_DIGEST
from tests.support.disks import Fault, Killed, SimDisk

FOLDER = "store"
ONE = Manifest(bytes(range(16)), 4, generation=1, covered=10, segment=2, snapshots={0: 1, 3: 1}, window=1)
TWO = ONE._replace(generation=2, covered=20, segment=3, snapshots={0: 2, 3: 1}, window=2)
THREE = TWO._replace(generation=3, covered=30, segment=5)
PATH, OLDER = f"{FOLDER}/{MANIFEST}", f"{FOLDER}/{BEFORE}"


def written(*manifests: Manifest) -> SimDisk:
    """A folder in which these were written, each made from the one before."""
    disk = SimDisk({f"{FOLDER}/LOCK": b""})
    before = None
    for manifest in manifests:
        write_manifest(disk.process(), FOLDER, manifest, before)
        before = manifest
    return disk


def crafted(facts: Any, kind: int = INDEX) -> bytes:
    """A manifest whose checksums are right."""
    return encode(kind, [Part(b"M", orjson.dumps(facts))], segment=0, epoch=1, first=1, count=0, durable=0, before=NO_DIGEST)[0]


def facts(**changes: Any) -> dict[str, Any]:
    known = {**ONE._asdict(), "version": VERSION, "store": ONE.store.hex(), "snapshots": {"0": 1, "3": 1}}
    return {**known, **changes}


def test_a_folder_without_one_has_none() -> None:
    assert read_manifest(SimDisk({f"{FOLDER}/LOCK": b""}).process(), FOLDER) == []


def test_a_manifest_is_read_back_with_the_one_that_it_was_made_from() -> None:
    assert read_manifest(written(ONE).process(), FOLDER) == [ONE]
    assert read_manifest(written(ONE, TWO).process(), FOLDER) == [TWO, ONE]
    assert read_manifest(written(ONE, TWO, THREE).process(), FOLDER) == [THREE, TWO]


def test_every_flipped_bit_and_every_cut_is_found_and_the_one_before_is_used() -> None:
    whole = written(ONE, TWO).image()
    changes = [whole[PATH][:size] for size in range(len(whole[PATH]))]
    for bit in range(len(whole[PATH]) * 8):
        changed = bytearray(whole[PATH])
        changed[bit // 8] ^= 1 << bit % 8
        changes.append(bytes(changed))
    for change in changes:
        damage: list[Corrupt] = []
        assert read_manifest(SimDisk({**whole, PATH: change}).process(), FOLDER, damage) == [ONE]
        assert [error.file for error in damage] == [PATH]
        with pytest.raises(Corrupt) as caught:
            read_manifest(SimDisk({PATH: change, OLDER: change}).process(), FOLDER)
        assert caught.value.file == PATH


def test_damage_of_the_one_before_is_told() -> None:
    damage: list[Corrupt] = []
    disk = written(ONE, TWO)
    disk.put(OLDER, b"?")
    assert read_manifest(disk.process(), FOLDER, damage) == [TWO]
    assert [error.file for error in damage] == [OLDER]


def test_one_that_is_missing_is_told_and_the_one_before_is_used() -> None:
    damage: list[Corrupt] = []
    disk = written(ONE, TWO)
    disk.drop(PATH)
    assert read_manifest(disk.process(), FOLDER, damage) == [ONE]
    assert [(error.file, error.reason) for error in damage] == [(PATH, "it is missing")]


def test_two_that_changed_places_are_told_apart_by_their_generation() -> None:
    whole = written(ONE, TWO).image()
    assert read_manifest(SimDisk({PATH: whole[OLDER], OLDER: whole[PATH]}).process(), FOLDER) == [TWO, ONE]


def test_something_behind_the_end_is_damage() -> None:
    disk = written(ONE)
    disk.put(PATH, disk.image()[PATH] + b"\0")
    with pytest.raises(Corrupt, match="behind its end"):
        read_manifest(disk.process(), FOLDER)


def test_a_newer_one_is_refused_though_the_one_before_could_be_read() -> None:
    disk = written(ONE, TWO)
    disk.put(PATH, crafted({"version": VERSION + 1, "anything": True}))
    with pytest.raises(NewerFormat) as caught:
        read_manifest(disk.process(), FOLDER)
    assert (caught.value.file, caught.value.version) == (PATH, VERSION + 1)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        "text",
        {"version": "1"},
        facts(store="zz"),
        facts(store="00"),
        facts(shards=0),
        facts(shards=101),
        facts(shards="4"),
        facts(generation=None),
        facts(covered=-1),
        facts(segment=1.5),
        facts(window=True),
        facts(snapshots=[]),
        facts(snapshots={"x": 1}),
        facts(snapshots={"4": 1}),
        facts(snapshots={"-1": 1}),
        facts(snapshots={"0": "1"}),
        facts(more=1),
    ],
)
def test_what_is_no_manifest_under_right_checksums_is_damage(content: Any) -> None:
    with pytest.raises(Corrupt):
        read_manifest(SimDisk({PATH: crafted(content)}).process(), FOLDER)


def test_a_frame_of_another_kind_is_no_manifest() -> None:
    with pytest.raises(Corrupt):
        read_manifest(SimDisk({PATH: crafted(facts(), COMMIT)}).process(), FOLDER)


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES])
def test_a_read_that_fails_is_no_damage(error: int) -> None:
    for nth in (1, 2, 3):
        disk = written(ONE, TWO)
        disk.faults = [Fault(nth, error, ("read", "names"))]
        with pytest.raises(ReadFailed):
            read_manifest(disk.process(), FOLDER)


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("start", [(), (ONE,), (ONE, TWO)])
def test_killed_at_each_step_the_old_or_the_new_one_counts(start: tuple[Manifest, ...], is_after: bool, chance: Random) -> None:
    probe = written(*start)
    asked = len(probe.trace)
    write_manifest(probe.process(), FOLDER, THREE, start[-1] if start else None)
    for nth in range(1, len(probe.trace) - asked + 1):
        for is_power_cut in (False, True, True, True):
            disk = written(*start)
            disk.faults = [Fault(nth, None, is_after=is_after)]
            with pytest.raises(Killed):
                write_manifest(disk.process(), FOLDER, THREE, start[-1] if start else None)
            disk.faults = []
            if is_power_cut:
                disk.cut_power(chance)
            found = read_manifest(disk.process(), FOLDER)
            assert found[:1] in ([*start[-1:]], [THREE])
            write_manifest(disk.process(), FOLDER, THREE, start[-1] if start else None)
            assert read_manifest(disk.process(), FOLDER)[0] == THREE


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_step_that_fails_leaves_the_old_one_or_the_new_one(error: int) -> None:
    probe = written(ONE, TWO)
    asked = len(probe.trace)
    write_manifest(probe.process(), FOLDER, THREE, TWO)
    for nth in range(1, len(probe.trace) - asked + 1):
        for is_lasting in (False, True):
            disk = written(ONE, TWO)
            disk.faults = [Fault(nth, error, is_lasting=is_lasting)]
            with pytest.raises(OSError):
                write_manifest(disk.process(), FOLDER, THREE, TWO)
            disk.faults = []
            assert read_manifest(disk.process(), FOLDER)[0] in (TWO, THREE)
            write_manifest(disk.process(), FOLDER, THREE, TWO)
            assert read_manifest(disk.process(), FOLDER) == [THREE, TWO]


def test_a_damaged_one_never_replaces_the_one_before() -> None:
    """It did, when the old file got the other's name: a crash between the two left none that was whole."""
    disk = written(ONE, TWO)
    disk.put(PATH, b"damaged")
    made_from = read_manifest(disk.process(), FOLDER)[0]
    for nth in range(1, 40):
        again = SimDisk(disk.image())
        again.faults = [Fault(nth)]
        try:
            write_manifest(again.process(), FOLDER, TWO, made_from)
        except Killed:
            again.faults = []
            assert read_manifest(again.process(), FOLDER)[0] in (ONE, TWO)
        else:
            again.faults = []
            assert read_manifest(again.process(), FOLDER) == [TWO, ONE]
            return
    raise AssertionError("it is never done")


def test_any_bytes_are_a_manifest_or_an_error(chance: Random) -> None:
    whole = written(TWO).image()[PATH]
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(changed))
            changed[at : at + chance.randrange(9)] = chance.randbytes(chance.randrange(9))
        with suppress(CheckpointError):
            assert read_manifest(SimDisk({PATH: bytes(changed)}).process(), FOLDER) == [TWO]
