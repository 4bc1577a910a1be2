"""One frame: a group commit, or a block of a snapshot, as bytes and back.

Owns the layout that FORMAT.md counts, and nothing else: it opens no file and decides nothing about damage. Every bit of a frame
is under a checksum that also binds its place: segment, epoch, sequence number and the frame before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import lz4.block

from checkpoints.errors import RecordTooLarge
from checkpoints.spec import FRAME_BYTES, LZ4_FROM_BYTES, RAW_BYTES

__all__ = [
    "ALIGN",
    "COMMIT",
    "END",
    "HEADER_BYTES",
    "INDEX",
    "MAGIC",
    "SEAL",
    "WATERMARK",
    "BadBytes",
    "Frame",
    "Part",
    "encode",
    "read_frame",
]

MAGIC = b"\xc5\x1e"
#: Types: records; the end of a segment that another one follows; a note that the frame before is synced; where the blocks of a
#: snapshot stand; the end of a file that was closed.
COMMIT, SEAL, WATERMARK, INDEX, END = 1, 2, 3, 4, 5
TYPES = frozenset({COMMIT, SEAL, WATERMARK, INDEX, END})
#: A type with this bit may be skipped by a reader that does not know it.
OPTIONAL = 0x80
#: Flag: the payload is an lz4 block, and what one byte of it becomes at most.
LZ4, LZ4_MOST = 0x01, 255
#: Magic, type, flags, stored and raw bytes, records, segment, epoch, first record, durable record, digest of the frame
#: before, checksum of the payload; then the checksum of these.
_HEAD = Struct("<2sBBIIIIIQQ8sI")
_CRC = Struct("<I")
HEADER_BYTES = _HEAD.size + _CRC.size
ALIGN = 8
_PART = Struct("<cxxxI")


class Part(NamedTuple):
    """A piece of a payload. letter: what it is; one in lower case may be skipped by who does not know it."""

    letter: bytes
    body: bytes


class Frame(NamedTuple):
    """A frame that was read.

    first: number of its first record, from 1.  records: how many it has.  durable: the last record known to be synced when it
    was written.  digest: of the frame.  size_bytes: with its padding.
    """

    type: int
    segment: int
    epoch: int
    first: int
    records: int
    durable: int
    before: bytes
    digest: bytes
    size_bytes: int
    parts: list[Part]

    @property
    def last(self) -> int:
        """Number of its last record."""
        return self.first + self.records - 1


class BadBytes(Exception):
    """These bytes are no frame. reason: why; is_torn: whether a write that was cut short can have left them."""

    def __init__(self, reason: str, *, is_torn: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_torn = is_torn


def encode(
    type: int,
    parts: Sequence[Part],
    *,
    segment: int,
    epoch: int,
    first: int,
    count: int,
    durable: int,
    before: bytes,
) -> tuple[bytes, bytes]:
    """A frame and its digest. before: digest of the frame before it, 8 bytes. Raises RecordTooLarge."""
    raw = _join(parts)
    if len(raw) > RAW_BYTES:
        raise RecordTooLarge(f"{len(raw):,} bytes at once; a frame holds {RAW_BYTES:,}")
    stored, flags = raw, 0
    if len(raw) >= LZ4_FROM_BYTES:
        packed = lz4.block.compress(raw, store_size=False)
        if len(packed) < len(raw):
            stored, flags = packed, LZ4
    if len(stored) > FRAME_BYTES:
        raise RecordTooLarge(f"{len(stored):,} bytes at once after compression; a frame holds {FRAME_BYTES:,}")
    head = _HEAD.pack(MAGIC, type, flags, len(stored), len(raw), count, segment, epoch, first, durable, before, crc32(stored))
    head += _CRC.pack(crc32(head))
    return b"".join((head, stored, bytes(-len(stored) % ALIGN))), _digest(head)


def _digest(head: bytes) -> bytes:
    """What binds the next frame to this one: the header has the payload's checksum, so this stands for all of it."""
    return blake2b(head, digest_size=8).digest()


def _join(parts: Iterable[Part]) -> bytes:
    pieces: list[bytes] = []
    for letter, body in parts:
        pieces += (_PART.pack(letter, len(body)), body)
    return b"".join(pieces)


def read_frame(data: bytes | memoryview, at: int) -> Frame:
    """The frame that begins at an offset. Raises BadBytes; never reads past what the header may claim."""
    head = bytes(data[at : at + HEADER_BYTES])
    if len(head) < HEADER_BYTES:
        raise BadBytes(f"{len(head)} bytes where a header has {HEADER_BYTES}", is_torn=True)
    if _CRC.unpack_from(head, _HEAD.size)[0] != crc32(head[: _HEAD.size]):
        raise BadBytes("the checksum of its header does not fit", is_torn=True)
    magic, kind, flags, stored_bytes, raw_bytes, count, segment, epoch, first, durable, before, check = _HEAD.unpack_from(head)
    if magic != MAGIC or stored_bytes > FRAME_BYTES or raw_bytes > RAW_BYTES or flags & ~LZ4:
        raise BadBytes("its header has a valid checksum and impossible values", is_torn=False)
    if kind not in TYPES and not kind & OPTIONAL:
        raise BadBytes(f"a frame of the unknown type {kind}: written by a newer engine?", is_torn=False)
    begin = at + HEADER_BYTES
    size_bytes = HEADER_BYTES + stored_bytes + (-stored_bytes % ALIGN)
    stored = bytes(data[begin : begin + stored_bytes])
    padding = bytes(data[begin + stored_bytes : at + size_bytes])
    if len(stored) + len(padding) < size_bytes - HEADER_BYTES:
        raise BadBytes("it ends before its length", is_torn=True)
    if crc32(stored) != check:
        raise BadBytes("the checksum of its payload does not fit", is_torn=True)
    if any(padding):
        raise BadBytes("its padding is not zero", is_torn=True)
    parts = _split(_unpacked(stored, flags, raw_bytes)) if kind in TYPES else []
    return Frame(kind, segment, epoch, first, count, durable, before, _digest(head), size_bytes, parts)


def _unpacked(stored: bytes, flags: int, raw_bytes: int) -> bytes:
    if not flags & LZ4:
        raw = stored
    elif raw_bytes > len(stored) * LZ4_MOST:
        raise BadBytes(f"its payload of {len(stored)} bytes cannot become {raw_bytes:,}", is_torn=False)
    else:
        try:
            raw = lz4.block.decompress(stored, uncompressed_size=raw_bytes)
        except lz4.block.LZ4BlockError as error:
            raise BadBytes(f"its payload is no lz4 block: {error}", is_torn=False) from error
    if len(raw) != raw_bytes:
        raise BadBytes(f"its payload has {len(raw)} bytes, not {raw_bytes}", is_torn=False)
    return raw


def _split(raw: bytes) -> list[Part]:
    parts, at = [], 0
    while at < len(raw):
        if len(raw) - at < _PART.size:
            raise BadBytes("a part without its length", is_torn=False)
        letter, size_bytes = _PART.unpack_from(raw, at)
        at += _PART.size
        if size_bytes > len(raw) - at:
            raise BadBytes("a part longer than its frame", is_torn=False)
        parts.append(Part(letter, raw[at : at + size_bytes]))
        at += size_bytes
    return parts
