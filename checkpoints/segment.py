"""One segment: a file of frames behind a header, its name, and how far it can be read.

Owns the header and the walk over frames, in memory; which damage is a torn tail is `recovery`'s decision, and files are
`files`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from checkpoints.errors import Corrupt, NewerFormat
from checkpoints.frame import HEADER_BYTES, MAGIC, BadBytes, Frame, read_frame

__all__ = [
    "LOG",
    "NO_DIGEST",
    "SEGMENT_HEADER_BYTES",
    "SNAPSHOT",
    "VERSION",
    "WINDOW",
    "Bad",
    "Header",
    "frame_after",
    "name_of",
    "number_of",
    "pack_header",
    "read_header",
    "walk",
]

#: The version of the format that is written here; earlier ones are read.
VERSION = 1
#: The digest before the first frame there ever was.
NO_DIGEST = bytes(8)
_NAME = re.compile(r"([0-9]{8})\.log")
_SIGN = b"engine\r\n"
#: Sign, version, purpose, segment, epoch, zero, store, first record, digest of the last frame before, bytes of the segment
#: before; then the checksum of these.
_HEAD = Struct("<8sHHIII16sQ8sQ")
_CRC = Struct("<I")
SEGMENT_HEADER_BYTES = _HEAD.size + _CRC.size + 4
#: What a file is for.
LOG, SNAPSHOT, WINDOW = 1, 2, 3


class Header(NamedTuple):
    """What stands at the begin of a segment, or of a snapshot, whose segment is its shard and whose epoch its generation.

    store: the 16 bytes that tell one store from all others.  first: number of the first record that may stand here.
    before: digest of the last frame of the segment before.  before_bytes: how much of that segment counts; what a late
    writer added there does not.
    """

    segment: int
    epoch: int
    store: bytes
    first: int
    before: bytes
    before_bytes: int
    purpose: int = LOG


class Bad(NamedTuple):
    """The first thing in a segment that is no valid frame. at: its offset.

    is_torn: whether a write that was cut short can have left it; a whole frame in a wrong place is something else.
    """

    at: int
    reason: str
    is_torn: bool


def name_of(number: int) -> str:
    """The file name of a segment. number: from 1."""
    return f"{number:08d}.log"


def number_of(name: str) -> int | None:
    """The number of the segment with this file name; None for another file."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def pack_header(header: Header) -> bytes:
    """The header as bytes."""
    head = _HEAD.pack(
        _SIGN,
        VERSION,
        header.purpose,
        header.segment,
        header.epoch,
        0,
        header.store,
        header.first,
        header.before,
        header.before_bytes,
    )
    return head + _CRC.pack(crc32(head)) + bytes(4)


def read_header(data: bytes, file: str, purpose: int = LOG) -> Header:
    """The header of a file. Raises Corrupt, NewerFormat."""
    if len(data) < SEGMENT_HEADER_BYTES:
        raise Corrupt(file, 0, f"it has {len(data)} bytes, its header alone has {SEGMENT_HEADER_BYTES}")
    sign, version, found, segment, epoch, zero, store, first, before, before_bytes = _HEAD.unpack_from(data)
    if _CRC.unpack_from(data, _HEAD.size)[0] != crc32(data[: _HEAD.size]):
        raise Corrupt(file, 0, "the checksum of the file's header does not fit")
    if sign == _SIGN and version > VERSION:
        raise NewerFormat(file, version, VERSION)
    if sign != _SIGN or found != purpose or zero or any(data[_HEAD.size + _CRC.size : SEGMENT_HEADER_BYTES]):
        raise Corrupt(file, 0, "it is another kind of file than its name says")
    return Header(segment, epoch, store, first, before, before_bytes, found)


def walk(data: bytes, header: Header, at: int = SEGMENT_HEADER_BYTES) -> Iterator[tuple[int, Frame] | Bad]:
    """The frames of a segment with their offsets, in order; the last thing is a Bad where it does not end well.

    at: where to begin, with the record and behind the frame that the header says.
    """
    before, first = header.before, header.first
    view = memoryview(data)
    while at < len(data):
        try:
            frame = read_frame(view, at)
        except BadBytes as error:
            yield Bad(at, error.reason, error.is_torn)
            return
        wrong = _misplaced(frame, header, before, first)
        if wrong:
            yield Bad(at, wrong, False)
            return
        yield at, frame
        at, before, first = at + frame.size_bytes, frame.digest, frame.first + frame.records


def _misplaced(frame: Frame, header: Header, before: bytes, first: int) -> str | None:
    """Why a frame that is whole does not belong where it stands."""
    if frame.segment != header.segment:
        return f"a frame of segment {frame.segment}"
    if frame.epoch != header.epoch:
        return f"a frame of epoch {frame.epoch}, this segment is of epoch {header.epoch}"
    if frame.first != first:
        return f"record {frame.first} stands where {first} belongs"
    if frame.before != before:
        return "it does not follow the frame before it"
    return None


def frame_after(data: bytes, at: int, header: Header, first: int) -> int | None:
    """The offset of a frame of this segment that tells that what stood at a bad place before it had been synced.

    first: number of the record that belongs there.  A writer that syncs each frame has no other; one that does not may find
    after a power cut that the kernel wrote a later frame before an earlier one.
    """
    found = data.find(MAGIC, at + 1)
    while found >= 0 and found + HEADER_BYTES <= len(data):
        try:
            frame = read_frame(data, found)
        except BadBytes:
            frame = None
        is_ours = frame is not None and (frame.segment, frame.epoch) == (header.segment, header.epoch)
        if frame is not None and is_ours and frame.durable >= min(first, frame.first - 1):
            return found
        found = data.find(MAGIC, found + 1)
    return None
