"""The ring keeps the newest documents within its bytes and hours, over ends of every kind, and believes no damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checkpoints.errors import FolderInUse
from checkpoints.simdisk import SimDisk
from engine.errors import NotRecorded, RecordingDamaged
from engine.rewind.ring import FILE_MS, Ring
from engine.rewind.scribe import packed

BEGIN_MS = 1_700_000_000_000


def document(at: int) -> dict[str, Any]:
    return {"stats": {"done": at, "text": "x" * 160}}


def record(ring: Ring, *instants: int, step_ms: int = 1_000) -> None:
    for at in instants:
        ring.add(BEGIN_MS + at * step_ms, packed(document(at)))


def at(ring: Ring, second: float) -> int:
    """What was done at a second, as the ring has it."""
    done: int = ring.at(BEGIN_MS / 1000 + second).document["stats"]["done"]
    return done


def opened(folder: Any, files: Any = None, **limits: Any) -> Ring:
    ring = Ring(folder, files, **limits)
    ring.open()
    return ring


def test_what_was_recorded_is_found_by_whoever_writes_and_whoever_looks(tmp_path: Path) -> None:
    ring = opened(tmp_path / "rewind")
    record(ring, *range(150))
    looking = Ring(tmp_path / "rewind")
    looking.load()
    for second in range(150):
        assert at(ring, second) == at(looking, second) == second
    assert looking.past()["count"] == 150
    assert looking.damage == []
    ring.close()


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    ring = opened(tmp_path / "rewind")
    record(ring, 1)
    ring.close()
    assert (tmp_path / "rewind").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "rewind").iterdir()} == {0o600}


def test_it_is_bounded_in_bytes_and_the_oldest_goes_first(tmp_path: Path) -> None:
    ring = opened(tmp_path, size_bytes=20_000, file_bytes=4_000)
    for second in range(1_000):
        record(ring, second)
        assert sum(file.stat().st_size for file in tmp_path.glob("*.rewind")) <= 20_000
    past = ring.past()
    assert past["size_bytes"] == sum(file.stat().st_size for file in tmp_path.glob("*.rewind")) > 14_000
    first = past["first_s"] - BEGIN_MS / 1000
    assert 0 < first < 999
    assert [at(ring, second) for second in range(int(first), 1_000)] == list(range(int(first), 1_000))
    with pytest.raises(NotRecorded):
        at(ring, first - 1)
    ring.close()


def test_it_is_bounded_in_time(tmp_path: Path) -> None:
    ring = opened(tmp_path, kept_s=10_800)
    record(ring, *range(600), step_ms=60_000)
    past = ring.past()
    assert past["last_s"] == BEGIN_MS / 1000 + 599 * 60
    assert 10_800 <= past["last_s"] - past["first_s"] <= 10_800 + FILE_MS / 1000
    assert len(list(tmp_path.glob("*.rewind"))) <= 5
    ring.close()


def test_it_is_gone_on_with_after_an_end_and_the_time_between_is_a_gap(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    record(ring, 0, 1, 2)
    ring.close()
    ring = opened(tmp_path)
    record(ring, 60, 61)
    begin_s = BEGIN_MS / 1000
    assert [(one["first_s"] - begin_s, one["last_s"] - begin_s, one["count"]) for one in ring.past()["ranges"]] == [
        (0, 2, 3), (60, 61, 2),
    ]  # fmt: skip
    assert ring.at(begin_s + 30).gap == (begin_s + 2, begin_s + 60)
    assert len(list(tmp_path.glob("*.rewind"))) == 1
    ring.close()


def test_a_writer_that_was_killed_while_it_wrote_costs_its_last_document_alone() -> None:
    disk = SimDisk()
    record(opened("ring", disk.process()), 0, 1, 2)
    image = disk.image()
    (name,) = (name for name in image if name.endswith(".rewind"))
    for size_bytes in range(len(image[name])):
        left = SimDisk({name: image[name][:size_bytes]})
        ring = opened("ring", left.process())
        known = ring.past()["count"]
        record(ring, 9)
        assert ring.past()["count"] == known + 1
        assert (at(ring, 9), ring.damage) == (9, [])
        again = Ring("ring", left.process())
        again.load()
        assert again.past()["instants"] == ring.past()["instants"]
        assert again.damage == []


def test_with_any_byte_damaged_every_look_tells_the_truth_or_nothing_and_recording_goes_on() -> None:
    disk = SimDisk()
    ring = opened("ring", disk.process())
    record(ring, *range(3))
    ring.add(BEGIN_MS + 61_000, packed(document(61)))
    ring.close()
    (name,) = (name for name in disk.image() if name.endswith(".rewind"))
    data, seconds = disk.image()[name], {0, 1, 2, 61}
    for at_byte in range(len(data)):
        bad = data[:at_byte] + bytes([data[at_byte] ^ 0x10]) + data[at_byte + 1 :]
        left = SimDisk({name: bad})
        looking = Ring("ring", left.process())
        looking.load()
        found = {moment.time_s for second in seconds if (moment := moment_at(looking, second)) is not None}
        assert len(found) < len(seconds)
        writing = opened("ring", left.process())
        record(writing, 70)
        writing.close()
        again = Ring("ring", left.process())
        again.load()
        assert at(again, 70) == 70
        if left.image()[name].startswith(bad):  # left as it is, and named
            assert [one["offset"] <= at_byte < one["offset"] + one["size_bytes"] for one in again.damage] == [True]
        else:  # a torn tail, which was cut
            assert again.damage == []


def moment_at(ring: Ring, second: float) -> Any:
    """What is found at a second, which was recorded under its own instant; None where nothing is."""
    try:
        found = ring.at(BEGIN_MS / 1000 + second)
    except NotRecorded:
        return None
    assert found.document == document(found.document["stats"]["done"])
    assert found.time_s == BEGIN_MS / 1000 + found.document["stats"]["done"]
    return found


def test_a_damaged_file_is_left_as_it_is_named_and_another_one_begun(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    record(ring, *range(70))
    ring.close()
    (file,) = tmp_path.glob("*.rewind")
    data = bytearray(file.read_bytes())
    data[210] ^= 1
    file.write_bytes(data)
    ring = opened(tmp_path)
    assert [(one["file"], one["reason"]) for one in ring.damage] == [(str(file), "the checksum of a head does not fit")]
    record(ring, 71)
    assert file.read_bytes() == bytes(data)
    assert (at(ring, 65), at(ring, 71)) == (65, 71)  # behind the next whole document, and in the next file
    assert ring.at(BEGIN_MS / 1000 + 30).gap == (BEGIN_MS / 1000 + 3, BEGIN_MS / 1000 + 60)
    ring.close()


def test_whoever_looks_while_it_is_written_sees_no_damage_in_half_a_frame(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    record(ring, 0, 1)
    ring.close()
    (file,) = tmp_path.glob("*.rewind")
    file.write_bytes(file.read_bytes()[:-5])
    looking = Ring(tmp_path)
    looking.load()
    assert (looking.damage, looking.past()["count"], at(looking, 1)) == ([], 1, 0)


def test_one_writes_it_at_a_time(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    with pytest.raises(FolderInUse):
        opened(tmp_path)
    ring.close()
    opened(tmp_path).close()


def test_a_full_disk_is_told_and_recording_goes_on_once_there_is_room() -> None:
    disk = SimDisk()
    ring = opened("ring", disk.process())
    record(ring, 0, 1)
    disk.space_bytes = disk.used_bytes + 20
    for second in (2, 3):
        with pytest.raises(OSError, match="No space"):
            record(ring, second)
    disk.space_bytes = None
    record(ring, 4)
    assert [at(ring, second) for second in (0, 1, 3.5, 4)] == [0, 1, 1, 4]
    again = Ring("ring", disk.process())
    again.load()
    assert (again.past()["count"], again.damage) == (3, [])


def test_a_file_of_a_newer_form_stays_as_long_as_what_came_after_it(tmp_path: Path) -> None:
    from struct import pack
    from zlib import crc32

    newer = b"\x89REWIND\n" + pack("<HH", 2, 0)
    (tmp_path / "0000000001.rewind").write_bytes(newer + pack("<I", crc32(newer)) + b"what it has")
    ring = opened(tmp_path, kept_s=10)
    record(ring, 0, 5)
    assert [one["reason"] for one in ring.damage] == ["a recording of form 2, this engine reads form 1"]
    assert sorted(file.name for file in tmp_path.glob("*.rewind")) == ["0000000001.rewind", "0000000002.rewind"]
    record(ring, 3_700, 3_720)  # another hour, another file
    assert sorted(file.name for file in tmp_path.glob("*.rewind")) == ["0000000003.rewind"]
    assert ring.damage == []
    ring.close()


def test_where_a_clock_was_set_back_the_later_recording_counts(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    record(ring, 0, 1, 2, 3)
    ring.add(BEGIN_MS + 1_500, packed({"stats": {"done": 77}}))
    looking = Ring(tmp_path)
    looking.load()
    for one in (ring, looking):
        assert (at(one, 1), at(one, 1.5), at(one, 3)) == (1, 77, 77)
        assert one.past()["count"] == 3
    ring.close()


def test_a_look_at_one_instant_reads_the_files_from_there_on(tmp_path: Path) -> None:
    ring = opened(tmp_path, file_bytes=2_000)
    record(ring, *range(300))
    ring.close()
    files = sorted(tmp_path.glob("*.rewind"))
    assert len(files) > 4
    files[0].write_bytes(b"not read")
    for second in (299, 250.5, 150):
        looking = Ring(tmp_path)
        looking.load(BEGIN_MS / 1000 + second)
        assert at(looking, second) == int(second)
        assert looking.damage == []
        assert looking.past()["count"] < 300


def test_instants_are_told_in_pages_and_between_two_of_them(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    record(ring, *range(100))
    begin_s = BEGIN_MS / 1000
    past = ring.past(begin_s + 10, begin_s + 19.5, skip=2, limit=3)
    assert past["instants"] == [begin_s + 12, begin_s + 13, begin_s + 14]
    assert (past["found"], past["count"]) == (10, 100)
    assert ring.past(begin_s + 10, begin_s + 19.5, skip=8, limit=50)["instants"] == [begin_s + 18, begin_s + 19]
    assert ring.past(limit=0)["instants"] == []
    assert (ring.past(begin_s + 500)["found"], ring.past(begin_s + 500)["ranges"]) == (0, [])
    ring.close()


def test_files_that_are_none_of_its_own_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    ring = opened(tmp_path, size_bytes=4_000, file_bytes=1_000)
    record(ring, *range(300))
    ring.close()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_that_is_gone_is_told_and_not_found_again(tmp_path: Path) -> None:
    ring = opened(tmp_path)
    record(ring, 0)
    looking = Ring(tmp_path)
    looking.load()
    next(tmp_path.glob("*.rewind")).unlink()
    with pytest.raises(RecordingDamaged, match="No such file"):
        at(looking, 0)
    with pytest.raises(OSError, match="removed"):
        record(ring, 1)
    record(ring, 2)
    assert at(ring, 2) == 2
    assert ring.past()["count"] == 1
    with pytest.raises(RecordingDamaged, match="at byte 16"):
        at(looking, 0)  # the place is another document's now
    ring.close()


def test_a_folder_that_there_is_not_holds_nothing(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "none")
    ring.load()
    assert ring.past()["count"] == 0
    with pytest.raises(NotRecorded):
        ring.at(1.0)
    assert not (tmp_path / "none").exists()
