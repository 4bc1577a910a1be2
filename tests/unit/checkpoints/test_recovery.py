"""A torn tail is cut off and kept; anything else that is wrong stops everything, with file and offset, and changes nothing."""

from __future__ import annotations

import errno
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any
from zlib import crc32

import pytest

from checkpoints import frame, segment
from checkpoints import recovery as module
from checkpoints.commitlog import CommitLog, Place
from checkpoints.errors import CheckpointError, Corrupt, DiskFull, NewerFormat, ReadFailed, StoreFailed
from checkpoints.frame import COMMIT, HEADER_BYTES, Part, encode
from checkpoints.recovery import Recovered, read_log
from checkpoints.segment import NO_DIGEST, SEGMENT_HEADER_BYTES, VERSION, Header, pack_header, read_header, walk
from checkpoints.spec import FRAME_BYTES
from tests.support.disks import Fault, Killed, Process, SimDisk

FOLDER = "log"
STORE = bytes(range(16))
PLACE = Place(STORE, 1, 1, 1, NO_DIGEST, 0)
FIRST, SECOND, THIRD = (f"{FOLDER}/{number:08d}.log" for number in (1, 2, 3))


def written(
    *, counts: tuple[int, ...] = (3, 3, 3), is_closed: bool = False, store: bytes = STORE, text: bytes = b""
) -> SimDisk:
    """A disk with a log of so many records in each segment: 1, 2, 3 …"""
    disk = SimDisk()
    process = disk.process()
    process.make_folder(FOLDER)
    log = CommitLog(process, FOLDER, PLACE._replace(store=store))
    number = 0
    for at, count in enumerate(counts):
        if at:
            log.roll()
        for _ in range(count):
            number += 1
            log.commit([Part(b"S", text + b"%d" % number + b"." * (number % 9))], 1)
    if is_closed:
        log.close()
    disk.kill()
    return disk


def reading(disk: SimDisk, process: Process | None = None, **options: Any) -> tuple[list[int], Recovered]:
    """The numbers of the records that are read."""
    found: list[int] = []

    def visit(frame: Any, _file: str, _at: int) -> None:
        found.extend(int(part.body.rstrip(b".")) for part in frame.parts)

    return found, read_log(process or disk.process(), FOLDER, visit, store=STORE, **options)


def offsets(data: bytes) -> list[int]:
    """Where the frames of a segment begin, and where the last one ends."""
    found = list(walk(data, read_header(data, "it")))
    return [one[0] for one in found if len(one) == 2] + [len(data)]


def refused(disk: SimDisk, file: str, offset: int | None = None, match: str | None = None) -> None:
    """Recovery stops at a place, and nothing has changed; not at the next try either."""
    before = disk.image()
    for _ in range(2):
        with pytest.raises(Corrupt, match=match) as caught:
            reading(disk)
        assert caught.value.file == file
        if offset is not None:
            assert caught.value.offset == offset
        assert disk.image() == before


def broken(disk: SimDisk) -> list[bytes]:
    return [data for path, data in disk.image().items() if path.endswith(".broken")]


# -- torn tails --------------------------------------------------------------------------------------------------------


def test_a_log_is_read_in_order_whether_it_was_closed_or_not() -> None:
    for is_closed in (False, True):
        disk = written(is_closed=is_closed)
        found, recovered = reading(disk)
        assert found == list(range(1, 10))
        assert recovered.torn is None
        assert recovered.place == Place(STORE, 4, 2, 10, recovered.place.before, len(disk.image()[THIRD]))


def test_a_log_that_was_closed_is_read_without_a_write() -> None:
    disk = written(is_closed=True)
    asked = len(disk.trace)
    reading(disk)
    assert {kind for kind, _ in disk.trace[asked:]} == {"names", "read"}


def test_cut_at_every_byte_the_exact_prefix_is_there_and_the_tail_is_kept() -> None:
    whole = written().image()
    places = offsets(whole[THIRD])
    for size in range(SEGMENT_HEADER_BYTES, len(whole[THIRD]) + 1):
        disk = SimDisk({**whole, THIRD: whole[THIRD][:size]})
        found, recovered = reading(disk)
        good = max(at for at in places if at <= size)
        assert found == list(range(1, 7 + places.index(good)))
        tail = whole[THIRD][good:size]
        assert broken(disk) == ([tail] if tail else [])
        assert disk.durable_image()[THIRD] == whole[THIRD][:good]
        if tail:
            assert recovered.torn is not None
            assert recovered.torn[:3] == (THIRD, good, len(tail))
            assert disk.image()[str(recovered.torn.kept)] == tail
        else:
            assert recovered.torn is None
        assert reading(disk)[1].torn is None


def test_any_of_the_last_frames_sectors_may_be_missing_or_garbage(chance: Random) -> None:
    large = b"x" * 3_000
    for _ in range(150):
        disk = written(counts=(1, 1))
        process = disk.process()
        place = reading(disk, process)[1].place
        log = CommitLog(process, FOLDER, place)
        log.commit([Part(b"S", b"3")], 1)
        disk.faults = [Fault(1, None, ("sync",), path="00000003")]
        with pytest.raises(Killed):
            log.commit([Part(b"S", b"4" + chance.randbytes(3_000) + large)], 1)
        disk.faults = []
        disk.cut_power(chance)
        found: list[bytes] = []
        read_log(
            disk.process(), FOLDER, lambda frame, _file, _at: found.extend(part.body[:1] for part in frame.parts), store=STORE
        )
        assert found in ([b"1", b"2", b"3"], [b"1", b"2", b"3", b"4"])


@pytest.mark.parametrize("size", [1, 7, 8, 55, 56, 512, 4096, 1024 * 1024])
def test_a_tail_of_zeros_is_cut_off_and_not_kept(size: int) -> None:
    disk = written()
    whole = disk.image()[THIRD]
    disk.put(THIRD, whole + bytes(size))
    found, recovered = reading(disk)
    assert (found, disk.image()[THIRD], broken(disk)) == (list(range(1, 10)), whole, [])
    assert recovered.torn is not None
    assert recovered.torn[1:3] == (len(whole), size)


def test_zeros_longer_than_any_frame_are_a_tail_nonetheless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TORN_BYTES", 1_000)
    disk = written()
    disk.put(THIRD, disk.image()[THIRD] + bytes(5_000))
    assert reading(disk)[0] == list(range(1, 10))


def test_more_bytes_than_a_frame_has_are_no_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TORN_BYTES", 1_000)
    disk = written()
    whole = disk.image()[THIRD]
    disk.put(THIRD, whole + b"x" * 1_000)
    assert reading(SimDisk(disk.image()))[0] == list(range(1, 10))
    disk.put(THIRD, whole + b"x" * 1_001)
    refused(disk, THIRD, len(whole), "more than one frame")


def test_the_largest_frame_may_be_torn_at_its_last_byte() -> None:
    data, _ = encode(COMMIT, [], segment=1, epoch=1, first=1, count=1, durable=0, before=NO_DIGEST)
    assert len(data) + FRAME_BYTES <= module.TORN_BYTES


def test_a_torn_frame_is_cut_though_it_is_full_of_what_looks_like_headers(chance: Random) -> None:
    disk = written()
    whole = disk.image()[THIRD]
    disk.put(THIRD, whole + b"\xc5\x1e" + chance.randbytes(40) + b"\xc5\x1e" * 300)
    assert reading(disk)[0] == list(range(1, 10))


def test_after_a_power_cut_without_syncs_a_later_frame_may_be_there_and_an_earlier_one_not() -> None:
    disk = SimDisk()
    process = disk.process()
    process.make_folder(FOLDER)
    log = CommitLog(process, FOLDER, PLACE, is_synced=False)
    for number in range(1, 5):
        log.commit([Part(b"S", b"%d" % number)], 1)
    whole = disk.image()[FIRST]
    at = offsets(whole)[1]
    hole = whole[:at] + bytes(offsets(whole)[2] - at) + whole[offsets(whole)[2] :]
    found, recovered = reading(disk := SimDisk({FIRST: hole}))
    assert found == [1]
    assert recovered.torn is not None
    assert broken(disk) == [hole[at:]]


def test_after_a_power_cut_without_syncs_what_was_rolled_over_is_there(chance: Random) -> None:
    for _ in range(30):
        disk = SimDisk()
        process = disk.process()
        process.make_folder(FOLDER)
        log = CommitLog(process, FOLDER, PLACE, is_synced=False, segment_bytes=1_000)
        for number in range(1, 40):
            log.commit([Part(b"S", b"%d" % number)], 1)
        rolled = read_header(disk.image()[f"{FOLDER}/{log.segment:08d}.log"], "it").first - 1
        disk.cut_power(chance)
        found = reading(disk)[0]
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= rolled > 30


# -- what a crash leaves -----------------------------------------------------------------------------------------------


def test_what_was_read_outlives_a_power_cut_though_nobody_had_synced_it(chance: Random) -> None:
    """Killed between write and sync; opened again, and more acknowledged behind it; then the power went."""
    for is_failed in (False, True):
        for _ in range(20):
            disk = SimDisk()
            process = disk.process()
            process.make_folder(FOLDER)
            log = CommitLog(process, FOLDER, PLACE)
            log.commit([Part(b"S", b"1")], 1)
            disk.faults = [Fault(1, errno.EIO if is_failed else None, ("sync", "cut"), is_lasting=True)]
            with pytest.raises((Killed, CheckpointError)):
                log.commit([Part(b"S", b"2")], 1)
            disk.faults = []
            disk.kill()
            found, recovered = reading(disk)
            assert found == [1, 2]
            log = CommitLog(disk.process(), FOLDER, recovered.place)
            log.commit([Part(b"S", b"3")], 1)
            disk.cut_power(chance)
            assert reading(disk)[0] == [1, 2, 3]


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_at_each_step_again_and_again_recovery_loses_nothing_more(is_after: bool, chance: Random) -> None:
    whole = written().image()
    places = offsets(whole[THIRD])
    torn = {**whole, THIRD: whole[THIRD][: places[2] + 30]}
    probe = SimDisk(torn)
    reading(probe)
    steps = len(probe.trace)
    assert steps > 10
    for nth in range(1, steps + 1):
        disk = SimDisk(torn)
        for round_ in range(6):
            disk.faults = [Fault(nth, None, is_after=is_after)]
            try:
                found = reading(disk)[0]
                assert found == list(range(1, 9))
            except Killed:
                pass
            if round_ % 2:
                disk.cut_power(chance)
            disk.kill()
        disk.faults = []
        assert reading(disk)[0] == list(range(1, 9))
        assert broken(disk) in ([], [whole[THIRD][places[2] : places[2] + 30]])
        assert len(broken(disk)) <= 1


def test_a_copy_of_another_tail_is_kept_beside_the_first() -> None:
    disk = written()
    whole = disk.image()[THIRD]
    for number, tail in enumerate((b"one", b"two", b"one")):
        disk.put(THIRD, whole + tail)
        torn = reading(disk)[1].torn
        assert torn is not None
        assert torn.kept == f"{THIRD}.{number % 2}.broken"
    assert broken(disk) == [b"one", b"two"]


def test_a_disk_without_room_to_keep_the_tail_changes_nothing_that_counts() -> None:
    whole = written().image()
    torn = {**whole, THIRD: whole[THIRD] + b"torn"}
    probe = SimDisk(torn)
    reading(probe)
    for kind in ("create", "write", "sync", "rename", "sync_folder", "names"):
        for nth in (1, 2, 3):
            disk = SimDisk(torn)
            disk.faults = [Fault(nth, errno.ENOSPC, (kind,))]
            try:
                assert reading(disk)[0] == list(range(1, 10))
            except (DiskFull, ReadFailed):
                assert {path: data for path, data in disk.image().items() if path in torn and path != THIRD} == {
                    path: data for path, data in torn.items() if path != THIRD
                }
            disk.faults = []
            assert reading(disk)[0] == list(range(1, 10))
            assert broken(disk) == [b"torn"]


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_read_that_fails_stops_everything_and_changes_nothing(error: int) -> None:
    whole = written().image()
    torn = {**whole, THIRD: whole[THIRD] + b"torn"}
    probe = SimDisk(torn)
    reading(probe)
    reads = sum(kind in ("read", "names") for kind, _ in probe.trace)
    for nth in range(1, reads):
        disk = SimDisk(torn)
        disk.faults = [Fault(nth, error, ("read", "names"))]
        try:
            reading(disk)
        except ReadFailed as failed:
            assert failed.file.startswith(FOLDER)
            assert not {kind for kind, _ in disk.trace} & {"create", "write", "cut", "rename", "remove"}
            assert disk.image() == torn
        except StoreFailed:
            assert disk.image() == torn


def test_a_dry_reading_writes_nothing() -> None:
    whole = written().image()
    torn = {**whole, THIRD: whole[THIRD] + b"torn"}
    disk = SimDisk(torn)
    recovered = reading(disk, is_dry=True)[1]
    assert recovered.torn is not None
    assert recovered.torn[1:4:2] == (len(whole[THIRD]), recovered.torn.reason)
    assert disk.image() == torn


# -- damage ------------------------------------------------------------------------------------------------------------


def test_every_flipped_bit_is_found_or_is_the_tail_or_does_no_harm() -> None:
    """Of three segments. What it may be: refused there; a torn tail in the last frame; a seal, which is named and read over."""
    whole = written(counts=(2, 2, 2), is_closed=True).image()
    seals = {FIRST: offsets(whole[FIRST])[-2], SECOND: offsets(whole[SECOND])[-2]}
    end = offsets(whole[THIRD])[-2]
    outcomes = dict.fromkeys(("refused", "seal", "tail"), 0)
    for path in (FIRST, SECOND, THIRD):
        data = whole[path]
        for bit in range(len(data) * 8):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            disk = SimDisk({**whole, path: bytes(changed)})
            try:
                found, recovered = reading(disk, is_dry=True)
            except (Corrupt, NewerFormat) as error:
                assert error.file in (path, THIRD if path == SECOND else SECOND)
                outcomes["refused"] += 1
                continue
            assert found == list(range(1, 7))
            if recovered.torn is None:
                assert bit // 8 >= seals[path]
                assert [(error.file, error.offset) for error in recovered.changed] == [(path, seals[path])]
                outcomes["seal"] += 1
            else:
                assert (path, recovered.torn.at, recovered.changed) == (THIRD, end, [])
                outcomes["tail"] += 1
    assert outcomes == {"refused": outcomes["refused"], "seal": 2 * 56 * 8, "tail": 56 * 8}


@pytest.mark.parametrize(("text_bytes", "is_in_two"), [(0, False), (24, False), (32, True), (40, False)])
def test_a_seal_that_was_torn_is_as_good_as_whole(text_bytes: int, is_in_two: bool) -> None:
    """Cut off at any byte, or with a sector of it that was never written. is_in_two: whether it stands in two sectors."""
    whole = written(counts=(4, 1), text=b"0" * text_bytes).image()
    at, end = offsets(whole[FIRST])[-2:]
    border = min(at + 512 - at % 512, end)
    assert (end - at, border < end) == (HEADER_BYTES, is_in_two)
    cut = [whole[FIRST][:kept] for kept in range(at, end)]
    blank = [whole[FIRST][:start] + bytes(stop - start) + whole[FIRST][stop:] for start, stop in ((at, border), (border, end))]
    for data in [*cut, *blank]:
        found, recovered = reading(SimDisk({**whole, FIRST: data}), is_dry=True)
        assert (found, recovered.torn, recovered.changed) == ([1, 2, 3, 4, 5], None, [])


def test_every_flipped_bit_of_an_open_segment_is_found_and_only_its_last_frame_is_a_tail() -> None:
    whole = written(counts=(1, 3)).image()
    last = offsets(whole[SECOND])[-2]
    for bit in range(len(whole[SECOND]) * 8):
        changed = bytearray(whole[SECOND])
        changed[bit // 8] ^= 1 << bit % 8
        disk = SimDisk({**whole, SECOND: bytes(changed)})
        try:
            found, recovered = reading(disk)
        except (Corrupt, NewerFormat) as error:
            assert error.file in (FIRST, SECOND)
            assert bit // 8 < last
        else:
            assert bit // 8 >= last
            assert found == [1, 2, 3]
            assert recovered.torn is not None
            assert recovered.torn.at == last
            assert broken(disk) == [bytes(changed[last:])]


def test_damage_in_the_middle_is_never_cut() -> None:
    whole = written().image()
    for path in (FIRST, SECOND, THIRD):
        for at in offsets(whole[path])[:-2]:
            data = whole[path]
            for change in (
                data[:at] + bytes(60) + data[at + 60 :],
                data[:at] + data[at + 8 :],
                data[: at + 9] + b"?" + data[at + 10 :],
            ):
                refused(SimDisk({**whole, path: change}), path, at)


def test_a_confirmed_last_frame_is_no_tail() -> None:
    disk = SimDisk()
    process = disk.process()
    process.make_folder(FOLDER)
    log = CommitLog(process, FOLDER, PLACE)
    log.commit([Part(b"S", b"1")], 1)
    log.confirm()
    whole = disk.image()[FIRST]
    at, behind, _ = offsets(whole)
    for bit in range(at * 8, behind * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        refused(SimDisk({FIRST: bytes(changed)}), FIRST, at)


def test_a_damaged_confirmation_does_not_hide_the_commit_behind_it() -> None:
    disk = SimDisk()
    process = disk.process()
    process.make_folder(FOLDER)
    log = CommitLog(process, FOLDER, PLACE)
    log.commit([Part(b"S", b"1")], 1)
    log.confirm()
    log.commit([Part(b"S", b"2")], 1)
    whole = disk.image()[FIRST]
    at = offsets(whole)[1]
    refused(SimDisk({FIRST: whole[:at] + b"?" + whole[at + 1 :]}), FIRST, at)


@pytest.mark.parametrize(
    "order", [[0, 1, 1], [0, 2], [1, 2], [0, 2, 1], [2, 1, 0], [1], [0, 1, 2, 2], [0, 1, 2, 0], [0, 0, 1, 2]]
)
@pytest.mark.parametrize("path", [FIRST, SECOND, THIRD])
def test_frames_that_are_doubled_swapped_or_missing_are_found(path: str, order: list[int]) -> None:
    whole = written().image()
    data, places = whole[path], offsets(whole[path])
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    disk = SimDisk({**whole, path: data[:SEGMENT_HEADER_BYTES] + b"".join(pieces[at] for at in order)})
    is_behind = path != THIRD and order[:3] == [0, 1, 2]
    if is_behind:
        assert reading(disk)[0] == list(range(1, 10))
    else:
        refused(disk, path)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_cut_at_the_border_of_a_frame_in_a_closed_segment_is_found(kept: int) -> None:
    whole = written().image()
    for path in (FIRST, SECOND):
        at = offsets(whole[path])[kept]
        disk = SimDisk({**whole, path: whole[path][:at]})
        if kept == 3:
            assert reading(disk)[0] == list(range(1, 10))  # the seal alone
        else:
            refused(disk, path, at)


def test_a_cut_at_the_border_of_a_frame_in_the_open_segment_is_found_up_to_what_is_covered() -> None:
    """Beyond that, and beyond the mark, nothing tells of it: no crash makes such a cut of what was synced."""
    whole = written().image()
    at = offsets(whole[THIRD])[1]
    disk = SimDisk({**whole, THIRD: whole[THIRD][:at]})
    with pytest.raises(Corrupt, match="8 had been written") as caught:
        reading(disk, covered=8)
    assert (caught.value.file, caught.value.offset) == (THIRD, at)
    assert reading(disk, covered=7)[0] == list(range(1, 8))


def test_a_torn_record_that_is_covered_is_damage() -> None:
    whole = written().image()
    disk = SimDisk({**whole, THIRD: whole[THIRD][:-3]})
    with pytest.raises(Corrupt, match="9 had been written"):
        reading(disk, covered=9)


@pytest.mark.parametrize("missing", [(FIRST,), (SECOND,), (THIRD,), (FIRST, SECOND), (SECOND, THIRD), (FIRST, SECOND, THIRD)])
def test_a_missing_segment_is_named(missing: tuple[str, ...]) -> None:
    whole = written().image()
    disk = SimDisk({**{path: data for path, data in whole.items() if path not in missing}, f"{FOLDER}/MANIFEST": b""})
    refused(disk, missing[0], 0, "missing")


def test_segments_that_changed_places_are_found() -> None:
    whole = written().image()
    refused(SimDisk({**whole, FIRST: whole[SECOND], SECOND: whole[FIRST]}), FIRST, 0, "holds segment 2")


def test_a_segment_that_stands_twice_is_found() -> None:
    whole = written().image()
    refused(SimDisk({**whole, THIRD: whole[SECOND]}), THIRD, 0, "holds segment 2")
    refused(SimDisk({**whole, f"{FOLDER}/00000004.log": whole[THIRD]}), f"{FOLDER}/00000004.log", 0)


def test_a_segment_of_another_store_is_refused() -> None:
    whole, other = written().image(), written(store=bytes(16)).image()
    for path in (FIRST, SECOND, THIRD):
        refused(SimDisk({**whole, path: other[path]}), path, 0, "another store")


def test_a_segment_of_a_copy_that_went_another_way_is_refused() -> None:
    """The same store, copied and written on in two places: names and numbers fit, the chain does not."""
    whole, other = written().image(), written(text=b"00").image()
    refused(SimDisk({**whole, SECOND: other[SECOND]}), FIRST, None, "is not the one that the next segment follows")
    refused(SimDisk({**whole, THIRD: other[THIRD]}), SECOND, None, "is not the one that the next segment follows")


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_an_older_copy_of_a_closed_segment_is_found(kept: int) -> None:
    """As it was before its last frames were written: whole, and yet not all."""
    whole = written().image()
    for path in (FIRST, SECOND):
        refused(SimDisk({**whole, path: whole[path][: offsets(whole[path])[kept]]}), path)


def test_an_epoch_never_goes_back() -> None:
    disk = written(counts=(1,))
    log = CommitLog(disk.process(), FOLDER, reading(disk)[1].place._replace(epoch=5))
    log.commit([Part(b"S", b"2")], 1)
    log = CommitLog(disk.process(), FOLDER, reading(disk)[1].place._replace(epoch=4))
    refused(disk, THIRD, 0, "epoch")


def test_a_log_that_does_not_begin_where_it_should_is_refused() -> None:
    disk = written()
    assert reading(disk, start=2, first=4)[0] == list(range(4, 10))
    for first in (1, 3, 5):
        with pytest.raises(Corrupt, match="begins with record 4"):
            reading(disk, start=2, first=first)


def test_segments_before_the_first_that_counts_are_stale_and_not_read() -> None:
    disk = written()
    disk.put(FIRST, b"anything")
    found, recovered = reading(disk, start=2)
    assert (found, recovered.stale) == (list(range(4, 10)), [FIRST])


def test_only_closed_segments_are_read_up_to_the_one_that_is_written() -> None:
    disk = written()
    disk.put(THIRD, disk.image()[THIRD] + b"being written")
    assert reading(disk, stop=3, is_dry=True)[0] == list(range(1, 7))
    with pytest.raises(Corrupt, match="missing"):
        reading(disk, stop=4, is_dry=True)


# -- other versions ----------------------------------------------------------------------------------------------------


def replaced(data: bytes, at: int, change: bytes, crc_at: int, begin: int) -> bytes:
    """Bytes with a change, and the checksum over `begin` to `crc_at` made right."""
    changed = bytearray(data)
    changed[at : at + len(change)] = change
    changed[crc_at : crc_at + 4] = crc32(changed[begin:crc_at]).to_bytes(4, "little")
    return bytes(changed)


def test_a_newer_segment_is_refused_wherever_it_stands() -> None:
    whole = written().image()
    for path in (FIRST, SECOND, THIRD):
        data = replaced(whole[path], 8, (VERSION + 1).to_bytes(2, "little"), 64, 0)
        disk = SimDisk({**whole, path: data})
        with pytest.raises(NewerFormat) as caught:
            reading(disk)
        assert caught.value.file == path
        assert disk.image() == {**whole, path: data}


@pytest.mark.parametrize(("byte", "value"), [(2, 6), (2, 127), (3, 2), (3, 0x81)])
def test_a_frame_of_an_unknown_type_or_flag_is_refused_also_as_the_last_one(byte: int, value: int) -> None:
    """A newer engine wrote it, and its checksums are right: no crash has torn it."""
    whole = written().image()
    for number in range(3):
        at = offsets(whole[THIRD])[number]
        data = replaced(whole[THIRD], at + byte, bytes([value]), at + 52, at)
        refused(SimDisk({**whole, THIRD: data}), THIRD, at)


def test_a_frame_that_may_be_skipped_is_skipped() -> None:
    disk = written(counts=(1,))
    whole = disk.image()[FIRST]
    first = next(one for one in walk(whole, read_header(whole, "it")))
    assert len(first) == 2
    for kind, is_known in ((0x80, True), (0xFE, True), (0x7E, False)):
        data, digest = encode(kind, [Part(b"?", b"?")], segment=1, epoch=1, first=2, count=0, durable=1, before=first[1].digest)
        more, _ = encode(COMMIT, [Part(b"S", b"2")], segment=1, epoch=1, first=2, count=1, durable=1, before=digest)
        changed = SimDisk({FIRST: whole + data + more})
        if is_known:
            assert reading(changed)[0] == [1, 2]
        else:
            refused(changed, FIRST, len(whole))


def test_headers_without_frames_are_a_log() -> None:
    header = Header(1, 1, STORE, 1, NO_DIGEST, 0)
    disk = SimDisk({FIRST: pack_header(header)})
    assert reading(disk)[0] == []


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:71], lambda data: bytes(len(data)), lambda data: data[::-1]]
)
@pytest.mark.parametrize("path", [FIRST, SECOND, THIRD])
def test_a_segment_without_its_header_is_refused(path: str, damage: Damage) -> None:
    """It has its name only once the header is on the disk: no crash leaves such a file."""
    whole = written().image()
    refused(SimDisk({**whole, path: damage(whole[path])}), path, 0)


# -- the mark ----------------------------------------------------------------------------------------------------------


def marked(confirmed: int, count: int) -> SimDisk:
    """A log of one segment, opened again, with so many records in the second, of which some are confirmed."""
    disk = written(counts=(2,))
    log = CommitLog(disk.process(), FOLDER, reading(disk)[1].place)
    for number in range(count):
        log.commit([Part(b"S", b"%d" % (3 + number))], 1)
        if number + 1 == confirmed:
            log.confirm()
    disk.kill()
    return disk


def test_a_newest_segment_that_is_missing_is_named() -> None:
    """The one before it was not sealed, as its writer was killed: only the mark tells that there was another."""
    for confirmed in (0, 1):
        disk = marked(confirmed, 2)
        disk.drop(SECOND)
        refused(disk, SECOND, 0, "missing, and had been begun")


def test_a_cut_of_what_was_confirmed_is_found() -> None:
    whole = marked(2, 3).image()
    places = offsets(whole[SECOND])
    for size in range(SEGMENT_HEADER_BYTES, len(whole[SECOND])):
        disk = SimDisk({**whole, SECOND: whole[SECOND][:size]})
        if size < places[2]:
            refused(disk, SECOND, max(at for at in places if at <= size), "4 had been written|ends at record")
        else:
            assert reading(disk)[0] == [1, 2, 3, 4]


def test_a_cut_of_what_was_closed_is_found() -> None:
    whole = written(is_closed=True).image()
    places = offsets(whole[THIRD])
    for size in range(SEGMENT_HEADER_BYTES, places[3]):
        refused(SimDisk({**whole, THIRD: whole[THIRD][:size]}), THIRD, max(at for at in places if at <= size))
    assert reading(SimDisk({**whole, THIRD: whole[THIRD][: places[3] + 20]}))[0] == list(range(1, 10))


def test_the_mark_of_a_late_writer_tells_nothing() -> None:
    disk = written(counts=(1,))
    place = reading(disk)[1].place
    late = CommitLog(disk.process(), FOLDER, place)
    new = CommitLog(disk.process(), FOLDER, reading(disk)[1].place)
    for number in range(5):
        late.commit([Part(b"S", b"%d" % (90 + number))], 1)
    late.confirm()
    new.commit([Part(b"S", b"2")], 1)
    disk.kill()
    assert reading(disk)[0] == [1, 2]


def test_a_mark_is_never_ahead_of_the_log(chance: Random) -> None:
    """Killed or without power at each step of opening, confirming and closing, with and without syncs."""
    for is_synced in (True, False):
        for nth in range(1, 100):
            disk = SimDisk()
            disk.faults = [Fault(nth)]
            process = disk.process()
            try:
                process.make_folder(FOLDER)
                log = CommitLog(process, FOLDER, PLACE, is_synced=is_synced)
                for number in range(1, 4):
                    log.commit([Part(b"S", b"%d" % number)], 1)
                    log.confirm()
                log.close()
            except Killed:
                disk.faults = []
                disk.cut_power(chance)
                if FIRST in disk.image():
                    found = reading(disk)[0]
                    assert found == list(range(1, len(found) + 1))
            else:
                break
        else:
            raise AssertionError("it is never done")


# -- negative controls -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mutant", ["frame_after", "_misplaced", "crc32", "_marked", "_torn"])
def test_a_reader_that_does_not_look_would_be_found(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a look behind, at the place, at the header's checksum, at the mark; and one that cuts whatever it finds."""
    nothing: Callable[..., None] = lambda *_looked: None  # noqa: E731
    real = frame.crc32
    checks: dict[str, tuple[Any, Any, Callable[[], None]]] = {
        "frame_after": (module, nothing, test_every_flipped_bit_of_an_open_segment_is_found_and_only_its_last_frame_is_a_tail),
        "_misplaced": (segment, nothing, lambda: test_frames_that_are_doubled_swapped_or_missing_are_found(THIRD, [0, 2, 1])),
        "crc32": (
            frame,
            lambda data: 0 if len(data) == HEADER_BYTES - 4 else real(data),
            test_every_flipped_bit_of_an_open_segment_is_found_and_only_its_last_frame_is_a_tail,
        ),
        "_marked": (module, lambda *_looked: 0, test_a_cut_of_what_was_confirmed_is_found),
        "_torn": (
            module._Reader,
            lambda _reader, bad, data, of: module.Torn(of.path, bad.at, len(data) - bad.at, bad.reason, None),
            test_damage_in_the_middle_is_never_cut,
        ),
    }
    owner, replacement, check = checks[mutant]
    monkeypatch.setattr(owner, mutant, replacement)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check()
