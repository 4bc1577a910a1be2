"""A recording is read: its instants, the document of each, and what lies between."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import NotRecorded, RecordingDamaged
from engine.rewind.recording import Moment, Recording
from engine.rewind.scribe import Scribe
from engine.rewind.spec import GAP_MS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Scribe(tmp_path / "film") as scribe:
        for time_s in (10.0, 11.0, 12.5, 100.0):
            scribe.record(time_s, {"done": time_s, "same": "x" * 50})
    return tmp_path / "film"


def test_every_instant_and_its_document_is_there_in_order(path: Path) -> None:
    recording = Recording(path)
    assert len(recording) == 4
    assert recording.instants() == [10.0, 11.0, 12.5, 100.0]
    assert [(time_s, document["done"]) for time_s, document in recording] == [(at, at) for at in recording.instants()]
    assert [tuple(one) for one in recording.ranges()] == [(10_000, 12_500, 3), (100_000, 100_000, 1)]


def test_the_last_document_that_is_not_after_an_instant_is_found(path: Path) -> None:
    found = Recording(path).at(12.0)
    assert found == Moment(12.0, 11.0, 10.0, 12.5, None, {"done": 11.0, "same": "x" * 50})


def test_a_gap_is_seen_and_not_filled(path: Path) -> None:
    recording = Recording(path)
    assert recording.at(12.5 + GAP_MS / 1000).gap is None
    assert recording.at(12.6 + GAP_MS / 1000).gap == (12.5, 100.0)
    assert recording.at(200.0).gap == (100.0, None)


def test_before_the_first_instant_nothing_is_known(path: Path) -> None:
    with pytest.raises(NotRecorded) as refused:
        Recording(path).at(9.999)
    assert refused.value.after_s == 10.0


def test_damage_is_named_and_what_is_around_it_is_read(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # the last frame, which a write that was cut short may have left
    path.write_bytes(data)
    recording = Recording(path)
    assert recording.instants() == [10.0, 11.0, 12.5]
    assert [one.reason for one in recording.damage] == ["the checksum of a payload does not fit"]


def test_what_is_damaged_after_it_was_opened_is_not_believed(path: Path) -> None:
    recording = Recording(path)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(RecordingDamaged, match=r"film: at byte .*checksum"):
        recording.at(100.0)
    with pytest.raises(RecordingDamaged):
        list(recording)
    path.write_bytes(data[:100])
    with pytest.raises(RecordingDamaged, match="was cut"):
        recording.at(100.0)
    path.unlink()
    with pytest.raises(RecordingDamaged, match="No such file"):
        recording.at(100.0)


def test_a_document_that_stands_where_another_one_was_is_not_taken_for_it(tmp_path: Path) -> None:
    with Scribe(tmp_path / "film") as scribe:
        scribe.record(1.0, {"done": 1})
    recording = Recording(tmp_path / "film")
    (tmp_path / "film").unlink()
    with Scribe(tmp_path / "film") as scribe:
        scribe.record(2.0, {"done": 2})
    with pytest.raises(RecordingDamaged, match="another instant"):
        recording.at(1.0)


def test_a_file_that_is_no_recording_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is a text")
    with pytest.raises(RecordingDamaged, match="does not begin as a recording does"):
        Recording(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        Recording(tmp_path / "nothing")
