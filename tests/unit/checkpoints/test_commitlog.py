"""What the writer of a log does when the disk refuses, fails or ends: never more than is true, never over what was there."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from checkpoints.commitlog import CommitLog, Place
from checkpoints.errors import FULL, CheckpointError, DiskFull, RecordTooLarge, StoreClosed, StoreFailed
from checkpoints.frame import COMMIT, END, SEAL, WATERMARK, Frame, Part
from checkpoints.recovery import Recovered, read_log
from checkpoints.segment import NO_DIGEST, Bad, read_header, walk
from checkpoints.spec import RAW_BYTES
from tests.support.disks import Fault, Killed, SimDisk

FOLDER = "log"
STORE = bytes(range(16))
PLACE = Place(STORE, 1, 1, 1, NO_DIGEST, 0)


def begun(disk: SimDisk, place: Place = PLACE, **options: Any) -> CommitLog:
    """A log on a disk."""
    process = disk.process()
    process.make_folder(FOLDER)
    return CommitLog(process, FOLDER, place, **options)


def record(number: int, size: int = 10) -> list[Part]:
    return [Part(b"S", b"%d" % number + bytes(size))]


def frames(disk: SimDisk, number: int = 1) -> list[Frame]:
    """The frames of a segment, as they are on the disk."""
    data = disk.image()[f"{FOLDER}/{number:08d}.log"]
    found = list(walk(data, read_header(data, "it")))
    assert not any(isinstance(one, Bad) for one in found)
    return [one[1] for one in found if not isinstance(one, Bad)]


def types(disk: SimDisk, number: int = 1) -> list[int]:
    return [frame.type for frame in frames(disk, number)]


def reread(disk: SimDisk) -> tuple[list[bytes], Recovered]:
    """The records that a new process finds."""
    disk.kill()
    disk.faults.clear()
    found: list[bytes] = []
    recovered = read_log(
        disk.process(), FOLDER, lambda frame, _file, _at: found.extend(part.body for part in frame.parts), store=STORE
    )
    return [body.rstrip(b"\0") for body in found], recovered


def test_records_are_numbered_without_gaps_and_found_again() -> None:
    disk = SimDisk()
    log = begun(disk)
    assert [log.commit(record(1), 3), log.commit(record(2), 1)] == [3, 4]
    assert (log.next, log.durable) == (5, 4)
    found, recovered = reread(disk)
    assert found == [b"1", b"2"]
    assert (recovered.records, recovered.frames) == (4, 2)
    assert recovered.place[1:4] == (2, 2, 5)


def test_every_commit_is_synced_before_it_returns() -> None:
    disk = SimDisk()
    log = begun(disk)
    for number in range(5):
        log.commit(record(number), 1)
        assert disk.durable_image() == disk.image()


def test_without_syncs_only_a_roll_and_the_end_sync() -> None:
    disk = SimDisk()
    log = begun(disk, is_synced=False)
    for number in range(3):
        log.commit(record(number), 1)
    assert log.syncs == 0
    log.confirm()
    assert types(disk) == [COMMIT] * 3
    log.roll()
    assert disk.durable_image() == disk.image()
    log.commit(record(4), 1)
    log.close()
    assert disk.durable_image() == disk.image()


@pytest.mark.parametrize(("is_synced", "known"), [(True, [0, 1, 2, 3]), (False, [0, 0, 0, 3])])
def test_a_frame_claims_as_synced_only_what_is(is_synced: bool, known: list[int]) -> None:
    disk = SimDisk()
    log = begun(disk, is_synced=is_synced)
    for number in range(3):
        log.commit(record(number), 1)
    log.roll()
    log.commit(record(3), 1)
    assert [frame.durable for frame in [*frames(disk, 1)[:3], *frames(disk, 2)]] == known


def test_a_confirmation_is_written_once_behind_each_last_frame() -> None:
    disk = SimDisk()
    log = begun(disk)
    log.confirm()
    log.commit(record(1), 1)
    for _ in range(3):
        log.confirm()
    log.commit(record(2), 1)
    log.confirm()
    assert types(disk) == [COMMIT, WATERMARK, COMMIT, WATERMARK]


def test_a_segment_is_sealed_when_it_is_long_enough_and_the_next_one_follows_it() -> None:
    disk = SimDisk()
    log = begun(disk, segment_bytes=200)
    for number in range(5):
        log.commit(record(number), 1)
    log.close()
    assert types(disk, 1) == [COMMIT, COMMIT, SEAL]
    assert types(disk, 3) == [COMMIT, END]
    first, second = disk.image()[f"{FOLDER}/00000001.log"], disk.image()[f"{FOLDER}/00000002.log"]
    header = read_header(second, "it")
    assert (header.first, header.before, header.before_bytes) == (3, frames(disk, 1)[1].digest, len(first))
    assert reread(disk)[0] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_record_that_is_too_large_changes_nothing() -> None:
    disk = SimDisk()
    log = begun(disk)
    before = disk.image()
    with pytest.raises(RecordTooLarge):
        log.commit([Part(b"S", bytes(RAW_BYTES))], 1)
    assert disk.image() == before
    assert log.commit(record(1), 1) == 1


@pytest.mark.parametrize("error", sorted(FULL))
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99, 1.0])
def test_a_write_without_room_is_taken_back_whole_and_later_ones_survive(error: int, share: float) -> None:
    disk = SimDisk()
    log = begun(disk)
    log.commit(record(1), 1)
    before = disk.image()
    disk.faults = [Fault(1, error, ("write",), share=share)]
    with pytest.raises(DiskFull) as caught:
        log.commit(record(2), 1)
    assert caught.value.file == f"{FOLDER}/00000001.log"
    assert disk.image() == disk.durable_image() == before
    assert log.commit(record(3), 1) == 2
    assert reread(disk)[0] == [b"1", b"3"]


@pytest.mark.parametrize("error", [errno.EROFS, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("moment", ["commit", "mark", "begin", "seal"])
def test_a_write_that_fails_for_another_reason_ends_the_log(error: int, moment: str) -> None:
    disk = SimDisk()
    log = begun(disk)
    log.commit(record(1), 1)
    kind, path = {"mark": ("write", "MARK"), "begin": ("create", "00000002.log")}.get(moment, ("write", "00000001.log"))
    disk.faults = [Fault(1, error, (kind,), path=path)]
    act = {"commit": lambda: log.commit(record(2), 1), "mark": log.confirm}.get(moment, log.roll)
    with pytest.raises(StoreFailed, match=os.strerror(error)):
        act()
    asked = len(disk.trace)
    with pytest.raises(StoreFailed):
        log.commit(record(3), 1)
    assert disk.trace[asked:] == []
    assert reread(disk)[0] == [b"1"]


def test_what_was_not_synced_is_cut_off_or_its_place_is_known() -> None:
    for is_lasting in (False, True):
        disk = SimDisk()
        log = begun(disk)
        log.commit(record(1), 1)
        before = disk.image()[f"{FOLDER}/00000001.log"]
        kinds = ("sync", "cut") if is_lasting else ("sync",)
        disk.faults = [Fault(1, errno.EIO, kinds, is_lasting=is_lasting)]
        with pytest.raises(StoreFailed):
            log.commit(record(2), 1)
        assert log.kept == (1, len(before))
        assert (disk.image()[f"{FOLDER}/00000001.log"] == before) is not is_lasting


def test_what_a_failed_write_left_and_cannot_be_cut_ends_the_log() -> None:
    for kind in ("cut", "sync"):
        disk = SimDisk()
        log = begun(disk)
        log.commit(record(1), 1)
        disk.faults = [Fault(1, errno.ENOSPC, ("write",)), Fault(1, errno.EIO, (kind,))]
        for _ in range(3):
            with pytest.raises(StoreFailed):
                log.commit(record(2), 1)
        assert reread(disk)[0] == [b"1"]


def test_a_sync_that_fails_is_never_tried_again_and_nothing_more_is_taken() -> None:
    disk = SimDisk()
    log = begun(disk)
    log.commit(record(1), 1)
    disk.faults = [Fault(1, errno.EIO, ("sync",))]
    with pytest.raises(StoreFailed):
        log.commit(record(2), 1)
    asked = len(disk.trace)
    for act in (lambda: log.commit(record(3), 1), log.confirm, log.roll):
        log.is_confirmed = False
        with pytest.raises(StoreFailed):
            act()
    log.close()
    assert disk.trace[asked:] == []
    assert log.durable == 1


def test_the_error_that_ended_a_log_does_not_grow_with_each_try() -> None:
    disk = SimDisk()
    log = begun(disk)
    disk.faults = [Fault(1, errno.EIO, ("sync",))]
    depths = []
    for _ in range(50):
        with pytest.raises(StoreFailed) as caught:
            log.commit(record(1), 1)
        depths.append(len(caught.traceback))
    assert depths[-1] <= depths[1]


@pytest.mark.parametrize(
    "moment", ["commit.written", "commit.synced", "roll.written", "roll.renamed", "roll.created", "roll.sealed"]
)
def test_a_log_that_was_interrupted_in_the_middle_takes_nothing_more(moment: str) -> None:
    """Ctrl-C in a thread that commits: what stands in the file is not known, so nothing may be written behind it."""
    disk = SimDisk()

    def interrupt(name: str) -> None:
        if name == moment and is_armed:
            raise KeyboardInterrupt

    is_armed = False
    log = begun(disk, failpoint=interrupt)
    log.commit(record(1), 1)
    is_armed = True
    with pytest.raises(KeyboardInterrupt):
        if moment.startswith("commit"):
            log.commit(record(2), 1)
        log.roll()
    is_armed = False
    with pytest.raises(StoreFailed, match="interrupted by KeyboardInterrupt"):
        log.commit(record(3), 1)
    log.close()
    found = reread(disk)[0]
    assert found in ([b"1"], [b"1", b"2"])


@pytest.mark.parametrize("kind", ["create", "write"])
def test_a_disk_without_room_for_another_segment_lets_this_one_grow(kind: str) -> None:
    disk = SimDisk()
    log = begun(disk)
    disk.faults = [Fault(1, errno.ENOSPC, (kind,), path="00000002.log", is_lasting=True)]
    log.commit(record(1), 1)
    log.roll()
    log.commit(record(2), 1)
    assert (log.segment, types(disk)) == (1, [COMMIT, COMMIT])
    disk.faults = []
    log.roll()
    log.commit(record(3), 1)
    assert log.segment == 2
    assert reread(disk)[0] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("kind", ["sync", "rename", "sync_folder"])
@pytest.mark.parametrize("is_after", [False, True])
def test_a_next_segment_that_may_be_there_ends_the_log(kind: str, is_after: bool) -> None:
    """Had the log gone on in the old segment, the header of the new one would say that what follows does not count."""
    disk = SimDisk()
    log = begun(disk)
    log.commit(record(1), 1)
    disk.faults = [Fault(1, errno.EIO, (kind,), is_after=is_after)]
    with pytest.raises(StoreFailed):
        log.roll()
    with pytest.raises(StoreFailed):
        log.commit(record(2), 1)
    assert reread(disk)[0] == [b"1"]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_seal_without_room_is_left_out(share: float) -> None:
    disk = SimDisk()
    log = begun(disk)
    log.commit(record(1), 1)
    disk.faults = [Fault(2, errno.ENOSPC, ("write",), share=share)]
    log.roll()
    assert disk.faults[0].has_struck
    log.commit(record(2), 1)
    assert (types(disk, 1), types(disk, 2)) == ([COMMIT], [COMMIT])
    assert reread(disk)[0] == [b"1", b"2"]


def test_a_segment_that_another_writer_began_is_not_replaced() -> None:
    disk = SimDisk()
    old = begun(disk)
    old.commit(record(1), 1)
    place = reread_of_another(disk)
    new = CommitLog(disk.process(), FOLDER, place)
    new.commit(record(2), 1)
    before = disk.image()[f"{FOLDER}/00000002.log"]
    with pytest.raises(StoreFailed, match="there already"):
        old.roll()
    assert disk.image()[f"{FOLDER}/00000002.log"] == before


def reread_of_another(disk: SimDisk) -> Place:
    return read_log(disk.process(), FOLDER, lambda *_frame: None, store=STORE).place


def test_what_a_late_writer_adds_to_a_closed_segment_does_not_count() -> None:
    disk = SimDisk()
    late = begun(disk)
    late.commit(record(1), 1)
    new = CommitLog(disk.process(), FOLDER, reread_of_another(disk))
    new.commit(record(2), 1)
    late.commit(record(9), 1)
    new.commit(record(3), 1)
    late.confirm()
    assert reread(disk)[0] == [b"1", b"2", b"3"]


def test_what_a_late_writer_adds_by_name_does_not_count_either() -> None:
    """The same with a segment that was not written anew: frames of the older epoch behind what counts."""
    disk = SimDisk()
    late = begun(disk)
    late.commit(record(1), 1)
    before = disk.image()
    late.commit(record(9), 1)
    added = disk.image()[f"{FOLDER}/00000001.log"]
    disk = SimDisk(before)
    new = CommitLog(disk.process(), FOLDER, reread_of_another(disk))
    new.commit(record(2), 1)
    disk.put(f"{FOLDER}/00000001.log", added)
    assert reread(disk)[0] == [b"1", b"2"]


def test_a_closed_log_takes_nothing_and_is_closed_once() -> None:
    disk = SimDisk()
    log = begun(disk)
    log.commit(record(1), 1)
    log.close()
    log.close()
    for act in (lambda: log.commit(record(2), 1), log.roll):
        with pytest.raises(StoreClosed):
            act()
    assert types(disk) == [COMMIT, END]
    assert reread(disk)[1].torn is None


def test_a_log_that_cannot_be_sealed_is_closed_nonetheless() -> None:
    for kind in ("write", "sync", "cut"):
        disk = SimDisk()
        log = begun(disk)
        log.commit(record(1), 1)
        disk.faults = [Fault(1, errno.EIO, (kind,)), Fault(1, errno.EIO, ("write",))]
        log.close()
        with pytest.raises(StoreClosed):
            log.commit(record(2), 1)
        assert reread(disk)[0] == [b"1"]


def story(log: CommitLog, acknowledged: list[bytes]) -> None:
    """Commits, a confirmation, rolls and an end."""
    for number in range(6):
        log.commit(record(number, 30), 1)
        acknowledged.append(b"%d" % number)
        if number == 2:
            log.confirm()
    log.roll()
    log.commit(record(6), 1)
    acknowledged.append(b"6")
    log.close()


def asked_of_a_story() -> int:
    disk = SimDisk()
    story(begun(disk, segment_bytes=300), [])
    return len(disk.trace)


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_at_each_input_and_output_everything_acknowledged_is_there(is_after: bool, chance: Any) -> None:
    struck = 0
    for nth in range(1, asked_of_a_story() + 1):
        for is_power_cut in (False, True, True):
            disk, acknowledged = SimDisk(), list[bytes]()
            disk.faults = [Fault(nth, None, is_after=is_after)]
            try:
                story(begun(disk, segment_bytes=300), acknowledged)
            except Killed:
                struck += 1
            if is_power_cut:
                disk.cut_power(chance)
            if f"{FOLDER}/00000001.log" not in disk.image():
                assert acknowledged == []
                continue
            found = reread(disk)[0]
            assert found[: len(acknowledged)] == acknowledged
            assert found[len(acknowledged) :] in ([], [b"%d" % len(acknowledged)])
    assert struck > 100


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("is_lasting", [False, True])
def test_whichever_input_or_output_fails_what_was_acknowledged_is_there_and_nothing_refused(
    error: int, is_lasting: bool
) -> None:
    for nth in range(1, asked_of_a_story() + 1):
        disk, acknowledged, refused = SimDisk(), list[bytes](), list[bytes]()
        log = None
        disk.faults = [Fault(nth, error, is_lasting=is_lasting)]
        try:
            log = begun(disk, segment_bytes=300)
        except (CheckpointError, OSError):
            continue
        for number in range(8):
            name = b"%d" % number
            try:
                log.commit(record(number, 30), 1)
                acknowledged.append(name)
            except DiskFull:
                refused.append(name)
            except StoreFailed:
                break
        found = reread(disk)[0]
        assert found[: len(acknowledged)] == acknowledged
        assert not set(found) & set(refused)
