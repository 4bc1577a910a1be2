"""What can go wrong with the log, each by what happened; the facts are attributes.

Stands at the bottom: nothing is imported from here but by everybody.
"""

from __future__ import annotations

import errno

__all__ = [
    "FULL",
    "CheckpointError",
    "Corrupt",
    "DiskFull",
    "FolderInUse",
    "NewerFormat",
    "ReadFailed",
    "RecordTooLarge",
    "StoreClosed",
    "StoreFailed",
    "unwritten",
]

#: Errors of a disk that has no room now and may have some later.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class CheckpointError(Exception):
    """The base of every error here."""


class Corrupt(CheckpointError):
    """Something that was written is not there as it was. file, offset: where; reason: what is wrong with it."""

    def __init__(self, file: str, offset: int, reason: str) -> None:
        super().__init__(f"{file} is damaged at byte {offset}: {reason}")
        self.file = file
        self.offset = offset
        self.reason = reason


class NewerFormat(CheckpointError):
    """A file of a later version. file; version: the one it has."""

    def __init__(self, file: str, version: int, known: int) -> None:
        super().__init__(f"{file} has format {version}, this engine reads up to {known}: use a newer engine")
        self.file = file
        self.version = version


class ReadFailed(CheckpointError):
    """The disk did not give what it holds; nothing was changed. file."""

    def __init__(self, file: str, error: OSError) -> None:
        super().__init__(f"{file} cannot be read: {error.strerror}; nothing was changed")
        self.file = file


class DiskFull(CheckpointError):
    """There was no room for a write, which was taken back whole; later ones may succeed."""

    def __init__(self, file: str, error: OSError) -> None:
        super().__init__(f"{file} cannot be written: {error.strerror}; what was written before is safe")
        self.file = file
        self.retry_after_s = 1.0


class StoreFailed(CheckpointError):
    """A sync failed, or a write for another reason than room: nothing more is written by this process."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}; nothing more is written until it was opened anew and read again")
        self.file = file


class StoreClosed(CheckpointError):
    """It was closed before."""


class RecordTooLarge(CheckpointError):
    """More bytes at once than a frame holds."""


class FolderInUse(CheckpointError):
    """Another process writes there. folder; pid: whose, None where it is not known."""

    def __init__(self, folder: str, pid: int | None) -> None:
        super().__init__(f"{folder} is written by another process{f' (pid {pid})' if pid else ''}: end that one first")
        self.folder = folder
        self.pid = pid


def unwritten(file: str, error: OSError) -> DiskFull | StoreFailed:
    """What an error of the system means for a write that left nothing behind."""
    return DiskFull(file, error) if error.errno in FULL else StoreFailed(file, f"it cannot be written: {error.strerror}")
