"""One frame of a recording: a document of one instant, whole or as a difference, as bytes and back.

Owns the layout that REWIND.md counts, and nothing else: it opens no file and decides nothing about damage. Every bit is under a
checksum, and a difference names the frame that it follows.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple
from zlib import crc32

import lz4.block

from engine.rewind.spec import DOCUMENT_BYTES

__all__ = [
    "DIFFERENCE",
    "HEAD_BYTES",
    "MAGIC",
    "OPENING",
    "OPENING_BYTES",
    "VERSION",
    "WHOLE",
    "BadBytes",
    "Head",
    "check_opening",
    "encode",
    "payload",
    "read_head",
    "unpacked",
]

#: What a frame begins with: no UTF-8 text has these bytes.
MAGIC = b"\xff\xc5"
#: Types: a whole document; what is other than in the one before.
WHOLE, DIFFERENCE = 1, 2
#: Flag: the payload is an lz4 block; that of a difference has the last whole document as its dictionary.
LZ4 = 1
#: The form of the file; a reader takes no other.
VERSION = 1
#: Magic, type, flags, stored and raw bytes, instant, checksum of the head before, checksum of the payload; then that of these.
_HEAD = Struct("<2sBBIIqII")
_CRC = Struct("<I")
HEAD_BYTES = _HEAD.size + _CRC.size
_OPENING = Struct("<8sHH")
_BEGIN = _OPENING.pack(b"\x89REWIND\n", VERSION, 0)
#: What a file begins with.
OPENING = _BEGIN + _CRC.pack(crc32(_BEGIN))
OPENING_BYTES = len(OPENING)


class BadBytes(Exception):
    """These bytes are no frame; the message says why."""


class Head(NamedTuple):
    """The head of a frame. time_ms: since 1970.  before: the link of the frame that it follows.  link: its own checksum."""

    type: int
    flags: int
    stored_bytes: int
    raw_bytes: int
    time_ms: int
    before: int
    check: int
    link: int

    @property
    def size_bytes(self) -> int:
        """Of the whole frame."""
        return HEAD_BYTES + self.stored_bytes


def check_opening(data: bytes) -> None:
    """Check what a file begins with. Raises BadBytes."""
    if data[:OPENING_BYTES] == OPENING:
        return
    if len(data) < OPENING_BYTES:
        raise BadBytes(f"{len(data)} bytes where a recording begins with {OPENING_BYTES}")
    (check,) = _CRC.unpack_from(data, _OPENING.size)
    magic, version, _ = _OPENING.unpack_from(data)
    if magic == _BEGIN[:8] and check == crc32(data[: _OPENING.size]):
        raise BadBytes(f"a recording of form {version}, this engine reads form {VERSION}")
    raise BadBytes("it does not begin as a recording does")


def encode(type: int, raw: bytes, time_ms: int, before: int, dictionary: bytes = b"") -> tuple[bytes, int]:
    """A frame, and the link that the next one names. raw: JSON, up to DOCUMENT_BYTES.  dictionary: the last whole document."""
    packed = lz4.block.compress(raw, store_size=False, dict=dictionary)
    stored, flags = (packed, LZ4) if len(packed) < len(raw) else (raw, 0)
    head = _HEAD.pack(MAGIC, type, flags, len(stored), len(raw), time_ms, before, crc32(stored))
    link = crc32(head)
    return b"".join((head, _CRC.pack(link), stored)), link


def read_head(data: bytes, at: int) -> Head:
    """The head of the frame at an offset. Raises BadBytes."""
    if len(data) - at < HEAD_BYTES:
        raise BadBytes(f"{len(data) - at} bytes where a head has {HEAD_BYTES}")
    (link,) = _CRC.unpack_from(data, at + _HEAD.size)
    if link != crc32(data[at : at + _HEAD.size]):
        raise BadBytes("the checksum of a head does not fit")
    magic, *facts = _HEAD.unpack_from(data, at)
    head = Head._make((*facts, link))
    if magic != MAGIC or head.type not in (WHOLE, DIFFERENCE) or head.flags & ~LZ4 or head.raw_bytes > DOCUMENT_BYTES:
        raise BadBytes("a head has a valid checksum and impossible values")
    return head


def payload(data: bytes, at: int, head: Head) -> bytes:
    """What a frame stores, still packed. Raises BadBytes."""
    stored = data[at + HEAD_BYTES : at + head.size_bytes]
    if len(stored) < head.stored_bytes:
        raise BadBytes(f"{len(stored)} bytes where a payload has {head.stored_bytes}")
    if crc32(stored) != head.check:
        raise BadBytes("the checksum of a payload does not fit")
    return stored


def unpacked(stored: bytes, head: Head, dictionary: bytes) -> bytes:
    """The JSON of a frame. Raises BadBytes."""
    if not head.flags & LZ4:
        raw = stored
    else:
        try:
            raw = lz4.block.decompress(stored, uncompressed_size=head.raw_bytes, dict=dictionary)
        except lz4.block.LZ4BlockError as error:
            raise BadBytes(f"a payload is no lz4 block: {error}") from error
    if len(raw) != head.raw_bytes:
        raise BadBytes(f"a payload has {len(raw)} bytes, not {head.raw_bytes}")
    return raw
