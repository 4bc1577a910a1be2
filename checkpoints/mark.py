"""The mark: how far a log was known to be on the disk, told outside of it.

Owns one small file beside the log, replaced as a whole when a log is opened, confirmed and closed. Without it nothing would
tell that the newest segment is missing, is an older copy, or was cut between two frames. A store can be read without it: one
that is missing, damaged, or of a late writer tells nothing, and the next one replaces it.
"""

from __future__ import annotations

from typing import NamedTuple

from checkpoints.errors import Corrupt, ReadFailed
from checkpoints.files import Files, write_whole
from checkpoints.frame import WATERMARK, BadBytes, Part, encode, read_frame
from checkpoints.segment import NO_DIGEST

__all__ = ["MARK", "Mark", "read_mark", "write_mark"]

MARK = "MARK"
#: The letter of its one part, which has the store's 16 bytes.
_OWNER = b"O"


class Mark(NamedTuple):
    """What is known of a log. segment, epoch: of one that was begun.  durable: a record that was on the disk by then."""

    segment: int
    epoch: int
    durable: int


def write_mark(files: Files, folder: str, store: bytes, mark: Mark) -> None:
    """Tell how far a log is on the disk. Raises OSError, then what was told before counts."""
    data, _ = encode(
        WATERMARK,
        [Part(_OWNER, store)],
        segment=mark.segment,
        epoch=mark.epoch,
        first=mark.durable + 1,
        count=0,
        durable=mark.durable,
        before=NO_DIGEST,
    )
    write_whole(files, f"{folder}/{MARK}", data)


def read_mark(files: Files, folder: str, store: bytes) -> Mark:
    """What was told of this store's log last. Raises Corrupt where nothing is that can be read, and ReadFailed."""
    path = f"{folder}/{MARK}"
    try:
        data = files.read(path)
        frame = read_frame(data, 0)
    except FileNotFoundError as error:
        raise Corrupt(path, 0, "it is missing") from error
    except OSError as error:
        raise ReadFailed(path, error) from error
    except BadBytes as error:
        raise Corrupt(path, 0, error.reason) from error
    if frame.type != WATERMARK or frame.parts != [Part(_OWNER, store)] or frame.size_bytes != len(data):
        raise Corrupt(path, 0, "it is no mark of this store")
    return Mark(frame.segment, frame.epoch, frame.durable)
