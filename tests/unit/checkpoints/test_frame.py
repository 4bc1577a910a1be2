"""A frame is read back as it was written, or it is told why not; nothing in it is outside its checksums."""

from __future__ import annotations

import struct
import tracemalloc
from hashlib import blake2b
from random import Random
from typing import Any
from zlib import crc32

import lz4.block
import pytest

from checkpoints import frame as module
from checkpoints.errors import RecordTooLarge
from checkpoints.frame import ALIGN, COMMIT, HEADER_BYTES, LZ4, MAGIC, TYPES, BadBytes, Part, encode, read_frame
from checkpoints.spec import FRAME_BYTES, LZ4_FROM_BYTES, RAW_BYTES

PLACE: dict[str, Any] = {"segment": 3, "epoch": 2, "first": 10, "count": 1, "durable": 9, "before": b"12345678"}
HEAD = "<2sBBIIIIIQQ8sI"


def framed(*parts: Part, kind: int = COMMIT, **place: Any) -> bytes:
    """A frame's bytes."""
    return encode(kind, parts, **{**PLACE, **place})[0]


def crafted(
    stored: bytes, *, magic: bytes = MAGIC, kind: int = COMMIT, flags: int = 0, size: int | None = None, raw: int | None = None
) -> bytes:
    """A frame whose checksums are right, whatever it says."""
    head = struct.pack(
        HEAD, magic, kind, flags, len(stored) if size is None else size, len(stored) if raw is None else raw,
        1, 3, 2, 10, 9, b"12345678", crc32(stored),
    )  # fmt: skip
    return head + struct.pack("<I", crc32(head)) + stored + bytes(-len(stored) % ALIGN)


def part_bytes(letter: bytes, body: bytes) -> bytes:
    return struct.pack("<cxxxI", letter, len(body)) + body


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (7, 8, 9), (LZ4_FROM_BYTES * 4,), (100_000, 3)])
@pytest.mark.parametrize("is_noise", [False, True])
def test_what_was_written_is_read_back(sizes: tuple[int, ...], is_noise: bool, chance: Random) -> None:
    parts = [Part(b"S", chance.randbytes(size) if is_noise else b"x" * size) for size in sizes]
    data, digest = encode(COMMIT, parts, **PLACE)
    frame = read_frame(b"before" + data + b"behind", 6)
    assert frame.parts == parts
    assert (frame.type, frame.segment, frame.epoch, frame.first, frame.records, frame.durable) == (COMMIT, 3, 2, 10, 1, 9)
    assert (frame.before, frame.digest, frame.size_bytes, frame.last) == (b"12345678", digest, len(data), 10)
    assert len(data) % ALIGN == 0


def test_a_frame_is_laid_out_as_its_format_says() -> None:
    """Counted here by hand, so that a change of the layout is a change of this test and of the version."""
    data, digest = encode(COMMIT, [Part(b"S", b"abc")], **PLACE)
    stored = b"S\0\0\0\x03\0\0\0abc"
    head = bytes.fromhex("c51e 01 00 0b000000 0b000000 01000000 03000000 02000000 0a00000000000000 0900000000000000")
    head += b"12345678" + struct.pack("<I", crc32(stored))
    head += struct.pack("<I", crc32(head))
    assert len(head) == HEADER_BYTES == 56
    assert data == head + stored + bytes(5)
    assert digest == blake2b(head, digest_size=8).digest()


def test_every_flipped_bit_is_found() -> None:
    data = framed(Part(b"S", b"some state"), Part(b"R", b"an answer" * 50))
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadBytes):
            read_frame(bytes(changed), 0)


def test_every_cut_is_found() -> None:
    data = framed(Part(b"S", b"some state"))
    for size in range(len(data)):
        with pytest.raises(BadBytes) as caught:
            read_frame(data[:size], 0)
        assert caught.value.is_torn


@pytest.mark.parametrize(
    "change", [{"segment": 4}, {"epoch": 3}, {"first": 11}, {"count": 2}, {"durable": 8}, {"before": b"87654321"}]
)
def test_the_digest_binds_every_place(change: dict[str, Any]) -> None:
    assert encode(COMMIT, (), **PLACE)[1] != encode(COMMIT, (), **{**PLACE, **change})[1]


def test_the_digest_binds_the_payload() -> None:
    assert encode(COMMIT, [Part(b"S", b"a")], **PLACE)[1] != encode(COMMIT, [Part(b"S", b"b")], **PLACE)[1]


@pytest.mark.parametrize("size", [1, 8, 59, 60, 64, 512, 4096])
def test_zeros_are_no_frame(size: int) -> None:
    with pytest.raises(BadBytes):
        read_frame(bytes(size), 0)


@pytest.mark.parametrize(
    "data",
    [
        crafted(b"", kind=7),
        crafted(b"", kind=127),
        crafted(b"", flags=2),
        crafted(b"", magic=b"\xc5\x1f"),
        crafted(b"", size=FRAME_BYTES + 1),
        crafted(b"", raw=RAW_BYTES + 1),
        crafted(b"", size=2**32 - 1),
        crafted(b"abc", raw=4),
        crafted(b"S\0\0\0\x03\0\0"),
        crafted(part_bytes(b"S", b"abc")[:-1]),
        crafted(lz4.block.compress(b"x" * 999, store_size=False), flags=LZ4, raw=1_000),
        crafted(lz4.block.compress(b"x" * 999, store_size=False), flags=LZ4, raw=998),
        crafted(b"", flags=LZ4, raw=0),
        crafted(b"no lz4 block at all", flags=LZ4, raw=20),
    ],
    ids=range(14),
)
def test_right_checksums_over_what_cannot_be_are_no_tear(data: bytes) -> None:
    with pytest.raises(BadBytes) as caught:
        read_frame(data, 0)
    assert not caught.value.is_torn


@pytest.mark.parametrize("kind", [0x80, 0x85, 0xFF])
def test_an_unknown_type_that_may_be_skipped_has_no_parts(kind: int) -> None:
    frame = read_frame(crafted(part_bytes(b"S", b"abc"), kind=kind), 0)
    assert (frame.type, frame.parts) == (kind, [])


def test_every_known_type_is_read() -> None:
    assert [read_frame(framed(kind=kind), 0).type for kind in sorted(TYPES)] == sorted(TYPES)


def test_a_bomb_is_not_unpacked() -> None:
    """64 MiB of zeros are 260 KB; a header that tells a smaller length ends the unpacking there."""
    bomb = lz4.block.compress(bytes(RAW_BYTES), store_size=False)
    tracemalloc.start()
    with pytest.raises(BadBytes):
        read_frame(crafted(bomb, flags=LZ4, raw=1_000), 0)
    with pytest.raises(BadBytes):
        read_frame(crafted(b"\x10a", flags=LZ4, raw=RAW_BYTES), 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(bomb)


def test_a_length_that_lies_allocates_nothing() -> None:
    data = crafted(b"abc", size=FRAME_BYTES)
    tracemalloc.start()
    with pytest.raises(BadBytes, match="ends before"):
        read_frame(data, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_more_than_a_frame_holds_is_refused(monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    monkeypatch.setattr(module, "RAW_BYTES", 4_000)
    monkeypatch.setattr(module, "FRAME_BYTES", 2_000)
    framed(Part(b"S", b"x" * 3_900))
    for body in (b"x" * 4_000, chance.randbytes(3_000)):
        with pytest.raises(RecordTooLarge):
            framed(Part(b"S", body))


def test_no_text_holds_the_first_bytes_of_a_frame() -> None:
    """So states and answers, which are JSON, never look like a frame behind a torn one."""
    with pytest.raises(UnicodeDecodeError):
        MAGIC.decode()
    for lead in range(256):
        with pytest.raises(UnicodeDecodeError):
            (bytes([lead]) + MAGIC).decode()
