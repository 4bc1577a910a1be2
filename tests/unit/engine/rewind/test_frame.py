"""A frame comes back as it was written; any other bytes are refused."""

from __future__ import annotations

import pytest

from engine.rewind.frame import (
    DIFFERENCE,
    HEAD_BYTES,
    OPENING,
    OPENING_BYTES,
    WHOLE,
    BadBytes,
    check_opening,
    encode,
    payload,
    read_head,
    unpacked,
)
from engine.rewind.spec import DOCUMENT_BYTES

RAW = b'{"agents":{"total":5000},"tasks":{"done":12,"failed":0}}' * 5


@pytest.mark.parametrize(("raw", "dictionary"), [(b"{}", b""), (RAW, b""), (RAW, RAW)])
def test_a_frame_comes_back(raw: bytes, dictionary: bytes) -> None:
    data, link = encode(DIFFERENCE, raw, 1_700_000_000_123, 77, dictionary)
    head = read_head(b"??" + data, 2)
    assert (head.type, head.time_ms, head.before, head.link) == (DIFFERENCE, 1_700_000_000_123, 77, link)
    assert head.size_bytes == len(data)
    assert unpacked(payload(data, 0, head), head, dictionary) == raw


def test_what_is_in_the_dictionary_costs_next_to_nothing() -> None:
    alone, _ = encode(WHOLE, RAW[:56], 1, 0)
    known, _ = encode(DIFFERENCE, RAW[:56], 1, 0, RAW)
    assert len(known) < len(alone) - 30


@pytest.mark.parametrize("data", [encode(WHOLE, RAW, 5, 6)[0], encode(DIFFERENCE, b"{}", 5, 6)[0]], ids=["packed", "plain"])
def test_every_bit_is_under_a_checksum(data: bytes) -> None:
    for bit in range(len(data) * 8):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadBytes):
            payload(bytes(bad), 0, read_head(bytes(bad), 0))


def test_every_shorter_frame_is_refused() -> None:
    data, _ = encode(WHOLE, RAW, 5, 6)
    for size_bytes in range(len(data)):
        with pytest.raises(BadBytes):
            payload(data[:size_bytes], 0, read_head(data[:size_bytes], 0))


def test_a_head_that_asks_for_too_much_is_refused_before_anything_is_unpacked() -> None:
    from struct import pack
    from zlib import crc32

    data, _ = encode(WHOLE, RAW, 5, 6)
    head = data[:8] + pack("<I", DOCUMENT_BYTES + 1) + data[12 : HEAD_BYTES - 4]
    with pytest.raises(BadBytes, match="impossible"):
        read_head(head + pack("<I", crc32(head)), 0)


def test_a_payload_that_is_not_what_it_says_is_refused() -> None:
    data, _ = encode(WHOLE, RAW, 5, 6)
    head = read_head(data, 0)
    stored = payload(data, 0, head)
    for wrong in (head._replace(raw_bytes=len(RAW) + 1), head._replace(raw_bytes=4), head._replace(flags=0)):
        with pytest.raises(BadBytes, match="payload"):
            unpacked(stored, wrong, b"")


def test_a_file_begins_in_one_way_and_a_newer_one_is_named() -> None:
    from struct import pack
    from zlib import crc32

    check_opening(OPENING + b"more")
    newer = OPENING[:8] + pack("<HH", 2, 0)
    with pytest.raises(BadBytes, match="form 2, this engine reads form 1"):
        check_opening(newer + pack("<I", crc32(newer)))
    for at in range(OPENING_BYTES):
        with pytest.raises(BadBytes):
            check_opening(OPENING[:at] + bytes([OPENING[at] ^ 1]) + OPENING[at + 1 :])
        with pytest.raises(BadBytes):
            check_opening(OPENING[:at])
