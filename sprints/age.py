"""How old a file is, by the clock of its own file system.

Owns the moments that files are compared with, and that nothing is said where that clock was set in between, or cannot be read:
an honest file must not look old. Nobody's file is changed by it.
"""

from __future__ import annotations

import ctypes
import os
import struct
import time
from typing import NamedTuple

__all__ = ["Moment", "born_ns", "is_older", "moment_in"]

#: Nanoseconds by which two clocks may differ that both go right: some ticks of a slow one.
TICK_NS = 50_000_000
#: From <linux/fcntl.h> and <linux/stat.h>: how large what is told is, what of it is known, and where the time of birth stands.
AT_SYMLINK_NOFOLLOW, STATX_BTIME = 0x100, 0x800
STATX_BYTES, TIME_AT = 256, 0x50
MASK, TIME = struct.Struct("I"), struct.Struct("qI")


class Moment(NamedTuple):
    """A moment. file_ns: as a file that is made then has it.  clock_ns: by a clock that nobody sets."""

    file_ns: int
    clock_ns: int


def moment_in(folder: int) -> Moment | None:
    """This moment in a folder, given as a descriptor; None where its file system does not tell."""
    try:
        nameless = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError:
        return None
    try:
        return Moment(os.fstat(nameless).st_mtime_ns, time.monotonic_ns())
    finally:
        os.close(nameless)


def is_older(file_ns: int, began: Moment, now: Moment) -> bool:
    """Whether a time of a file is before a moment; never where the clock of files was set between that and now."""
    went_ns = (now.file_ns - began.file_ns) - (now.clock_ns - began.clock_ns)
    return abs(went_ns) <= TICK_NS and file_ns < began.file_ns - TICK_NS


def born_ns(folder: int, path: str) -> int | None:
    """When a file below a folder was made, whatever was written since; None where that is not known."""
    try:
        statx = ctypes.CDLL(None).statx
    except AttributeError:  # a C library of before 2018
        return None
    buffer = ctypes.create_string_buffer(STATX_BYTES)
    if statx(folder, os.fsencode(path), AT_SYMLINK_NOFOLLOW, STATX_BTIME, buffer):
        return None
    (mask,), (seconds, nanoseconds) = MASK.unpack_from(buffer.raw), TIME.unpack_from(buffer.raw, TIME_AT)
    return seconds * 1_000_000_000 + nanoseconds if mask & STATX_BTIME else None
