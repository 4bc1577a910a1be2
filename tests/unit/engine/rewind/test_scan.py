"""Whatever happens to a byte, nothing that was not recorded is read, and what is lost is named."""

from __future__ import annotations

from typing import Any

import pytest

from engine.rewind.frame import DIFFERENCE, OPENING, OPENING_BYTES, WHOLE, BadBytes, encode
from engine.rewind.scan import documents, scan

DOCUMENTS: list[dict[str, Any]] = [{"done": at, "agents": {"total": 5, "names": ["a", "b"]}} for at in range(6)]


def film() -> bytes:
    """A file with two whole documents, each with two differences behind it; instants 1,000 to 6,000 ms."""
    data = OPENING
    for at, document in enumerate(DOCUMENTS):
        if at % 3 == 0:
            whole = repr(document).replace("'", '"').encode()
            frame, link = encode(WHOLE, whole, (at + 1) * 1000, 0)
        else:
            frame, link = encode(DIFFERENCE, b'{"done":%d}' % at, (at + 1) * 1000, link, whole)
        data += frame
    return data


FILM = film()


def read(data: bytes) -> dict[int, dict[str, Any]]:
    """Every document that can be read, by its instant."""
    found = {}
    for frame in scan(data).frames:
        *_, (_, _, document) = documents(data[frame.base : frame.end])
        found[frame.time_ms] = document
    return found


TRUTH = read(FILM)


def test_a_file_gives_what_was_recorded() -> None:
    assert list(TRUTH) == [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]
    assert list(TRUTH.values()) == DOCUMENTS
    assert scan(FILM).damage == []
    assert scan(FILM).end == len(FILM)


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_damaged_byte_is_named_and_nothing_false_is_read(flip: int) -> None:
    for at in range(len(FILM)):
        data = FILM[:at] + bytes([FILM[at] ^ flip]) + FILM[at + 1 :]
        found, said = read(data), scan(data).damage
        assert len(found) < len(TRUTH)
        assert all(document == TRUTH[time_ms] for time_ms, document in found.items())
        assert len(said) == 1
        assert said[0].offset <= at < said[0].offset + said[0].size_bytes
        assert said[0].reason
        assert (4_000 in found) == (OPENING_BYTES <= at < scan(FILM).frames[3].offset or at >= scan(FILM).frames[3].end)


def test_a_file_that_was_cut_anywhere_ends_with_a_torn_tail() -> None:
    ends = [OPENING_BYTES, *(frame.end for frame in scan(FILM).frames)]
    for size_bytes in range(len(FILM)):
        found = scan(FILM[:size_bytes])
        whole = max((end for end in ends if end <= size_bytes), default=0)
        assert found.end == whole
        assert [one.is_torn for one in found.damage] == ([] if size_bytes in ends else [True])
        assert read(FILM[:size_bytes]) == {time_ms: TRUTH[time_ms] for time_ms in list(TRUTH)[: len(found.frames)]}


def test_damage_in_front_of_frames_that_can_be_read_is_no_torn_tail() -> None:
    first, second = scan(FILM).frames[3], scan(FILM).frames[4]
    data = bytearray(FILM)
    data[first.end - 1] ^= 1  # the last whole document: what follows differs from it
    (damage,) = scan(bytes(data)).damage
    assert (damage.offset, damage.is_torn, damage.before_ms) == (first.offset, False, 3_000)
    assert second.offset > damage.offset


@pytest.mark.parametrize("rubbish", [b"", b"x", b"not a recording at all, but long enough", bytes(100)])
def test_what_is_no_recording_has_nothing(rubbish: bytes) -> None:
    found = scan(rubbish)
    assert (found.frames, found.end) == ([], 0)
    assert [one.offset for one in found.damage] == [0]
    assert found.damage[0].is_torn == (not rubbish)


def test_the_beginning_of_a_recording_is_torn() -> None:
    assert all(scan(OPENING[:size]).damage[0].is_torn for size in range(OPENING_BYTES))


def test_a_difference_that_follows_another_frame_is_not_believed() -> None:
    frames = scan(FILM).frames
    data = FILM[: frames[1].offset] + FILM[frames[2].offset :]  # a whole frame was taken out, each checksum is right
    found = scan(data)
    assert 2_000 not in read(data)
    assert 3_000 not in read(data)
    assert "does not follow" in found.damage[0].reason
    with pytest.raises(BadBytes, match="does not follow"):
        list(documents(data[frames[0].offset :]))


@pytest.mark.parametrize("raw", [b"[1]", b"nonsense", b'{"a":{"b":1}}', b'{"done":[]'])
def test_a_frame_whose_checksums_fit_and_that_is_no_document_is_not_believed(raw: bytes) -> None:
    whole, link = encode(WHOLE, b'{"a":1}', 1, 0)
    change, _ = encode(DIFFERENCE, raw, 2, link)
    with pytest.raises(BadBytes, match="checksums fit"):
        list(documents(whole + change))
