"""What is written is what was given, in files of its owner alone; a write that fails leaves nothing behind."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import orjson
import pytest

from checkpoints.faults import Fault
from checkpoints.simdisk import SimDisk
from engine.errors import DocumentTooLarge, RecordingDamaged
from engine.rewind.frame import DIFFERENCE, OPENING_BYTES, WHOLE, read_head
from engine.rewind.recording import Recording
from engine.rewind.scribe import Scribe, milliseconds, packed
from engine.rewind.spec import DOCUMENT_BYTES, WHOLE_FRAMES

BEGIN_S = 1_700_000_000.0


def stats(at: int) -> dict[str, Any]:
    return {"stats": {"time_s": BEGIN_S + at, "done": at * 7, "pools": [{"name": "p1", "open": at % 3}], "text": "x" * 100}}


def types(path: Path) -> list[int]:
    data, at, found = path.read_bytes(), OPENING_BYTES, []
    while at < len(data):
        head = read_head(data, at)
        found.append(head.type)
        at += head.size_bytes
    return found


def test_a_whole_document_comes_each_minute_and_differences_between(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with Scribe(path) as scribe:
        frames = [scribe.record(BEGIN_S + at, stats(at)) for at in range(WHOLE_FRAMES + 2)]
    assert types(path) == [WHOLE] + [DIFFERENCE] * (WHOLE_FRAMES - 1) + [WHOLE, DIFFERENCE]
    assert frames[-1].base == frames[-2].offset
    assert frames[5].base == frames[0].offset == OPENING_BYTES
    assert frames[1].end - frames[1].offset < frames[0].end - frames[0].offset - 50
    assert [document for _, document in Recording(path)] == [stats(at) for at in range(WHOLE_FRAMES + 2)]


def test_after_a_minute_without_recordings_and_where_a_clock_is_set_back_a_document_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with Scribe(path) as scribe:
        for at in (0, 1, 62, 63, 10, 11):
            scribe.record(BEGIN_S + at, stats(at))
    assert types(path) == [WHOLE, DIFFERENCE, WHOLE, DIFFERENCE, WHOLE, DIFFERENCE]


def test_what_has_nothing_in_common_with_the_one_before_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with Scribe(path) as scribe:
        scribe.record(1.0, {"a": list(range(100))})
        scribe.record(2.0, {"b": 1})
    assert types(path) == [WHOLE, WHOLE]


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    Scribe(tmp_path / "r").close()
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600


def test_a_file_is_gone_on_with_and_its_torn_tail_cut(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with Scribe(path) as scribe:
        scribe.record(1.0, stats(1))
        end = scribe.size_bytes
        scribe.record(2.0, stats(2))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    with Scribe(path) as scribe:
        assert scribe.size_bytes == end
        assert [one.is_torn for one in scribe.found.damage] == [True]
        scribe.record(3.0, stats(3))
    assert list(Recording(path)) == [(1.0, stats(1)), (3.0, stats(3))]
    assert Recording(path).damage == []


@pytest.mark.parametrize("size_bytes", range(OPENING_BYTES))
def test_a_file_that_was_hardly_begun_is_begun_again(tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / "r"
    Scribe(path).close()
    path.write_bytes(path.read_bytes()[:size_bytes])
    with Scribe(path) as scribe:
        scribe.record(1.0, stats(1))
    assert list(Recording(path)) == [(1.0, stats(1))]


def test_a_file_that_is_none_or_is_damaged_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"precious words of somebody")
    with pytest.raises(RecordingDamaged, match="does not begin as a recording does"):
        Scribe(path)
    assert path.read_bytes() == b"precious words of somebody"
    path.unlink()
    with Scribe(path) as scribe:
        first = scribe.record(1.0, stats(1))
        scribe.record(2.0, stats(2))
    data = bytearray(path.read_bytes())
    data[first.end - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordingDamaged, match="checksum of a payload") as refused:
        Scribe(path)
    assert (refused.value.file, refused.value.offset) == (str(path), first.offset)
    assert path.read_bytes() == bytes(data)


@pytest.mark.parametrize("room", [0, 1, 20, 40, 60])
def test_a_write_that_fails_leaves_nothing_behind_and_can_be_tried_again(room: int) -> None:
    disk = SimDisk()
    files = disk.process()
    scribe = Scribe("r", files)
    scribe.record(1.0, stats(1))
    before = disk.image()["r"]
    disk.space_bytes = len(before) + room
    with pytest.raises(OSError, match="No space") as refused:
        scribe.record(2.0, stats(2) | {"noise": "".join(map(chr, range(200, 700)))})
    assert refused.value.errno == errno.ENOSPC
    assert disk.image()["r"] == before
    disk.space_bytes = None
    scribe.record(3.0, stats(3))
    assert list(Recording("r", files)) == [(1.0, stats(1)), (3.0, stats(3))]


def test_where_half_a_frame_cannot_be_taken_back_the_next_document_is_whole_and_read() -> None:
    disk = SimDisk()
    files = disk.process()
    scribe = Scribe("r", files)
    scribe.record(1.0, stats(1))
    disk.faults += [Fault(kinds=("write",), error=errno.EIO), Fault(kinds=("cut",), error=errno.EIO)]
    with pytest.raises(OSError, match="Input/output"):
        scribe.record(2.0, stats(2))
    disk.faults.clear()
    scribe.record(3.0, stats(3))
    there = Recording("r", files)
    assert list(there) == [(1.0, stats(1)), (3.0, stats(3))]
    assert [one.is_torn for one in there.damage] == [False]


def test_a_document_has_a_size_and_is_json(tmp_path: Path) -> None:
    with Scribe(tmp_path / "r") as scribe:
        with pytest.raises(DocumentTooLarge, match="16,777,2"):
            scribe.record(1.0, {"a": "x" * DOCUMENT_BYTES})
        with pytest.raises(TypeError):
            scribe.record(1.0, {"a": object()})
        scribe.record(2.0, {"a": 1})
    assert Recording(tmp_path / "r").instants() == [2.0]


def test_what_nests_too_deep_for_a_difference_is_written_whole(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep, 1]
    other = orjson.loads(orjson.dumps(deep).replace(b"[1,", b"[2,"))
    with Scribe(tmp_path / "r") as scribe:
        scribe.record(1.0, {"a": deep})
        scribe.record(2.0, {"a": other})
    assert types(tmp_path / "r") == [WHOLE, WHOLE]
    assert list(Recording(tmp_path / "r")) == [(1.0, {"a": deep}), (2.0, {"a": other})]


def test_an_instant_is_a_thousandth_of_a_second_however_a_float_is_rounded() -> None:
    for time_ms in range(1_795_338_642_000, 1_795_338_643_000):
        assert milliseconds(round(time_ms / 1000, 3)) == time_ms
    assert milliseconds(1.0019) == 1001


def test_documents_are_equal_where_their_bytes_are() -> None:
    assert packed({"b": 1, "a": (1, 2)}) == b'{"a":[1,2],"b":1}'
