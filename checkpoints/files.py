"""Files, as the log needs them: the only place where this floor touches a disk.

`Files` is what the log asks for, `Disk` is the real one; tests and the simulator bring disks that forget, tear and fill up. No
one above calls `os` for a file of the log. Errors of the system (OSError) pass as they are.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from checkpoints.errors import FULL, FolderInUse

__all__ = ["Disk", "File", "Files", "Reader", "has_room", "room_bytes", "write_whole"]

#: Mode of files and folders: state is its owner's alone.
FILE_MODE, FOLDER_MODE = 0o600, 0o700
#: Bytes that must be free before a disk that was full is written again: the last segment anew, and a large commit. Of a small
#: disk a share is enough.
ROOM_BYTES, ROOM_SHARE = 16 * 1024 * 1024, 16
#: Characters of a lock's owner: always as many, so that a full disk can be locked too.
OWNER_CHARS = 20
#: The file that takes room for a moment.
ROOM = "ROOM"


class File(Protocol):
    """One file that is written at its end."""

    @property
    def size_bytes(self) -> int:
        """Where the next write goes."""
        ...

    def write(self, data: bytes) -> None:
        """Add bytes at the end: all, or OSError with some of them there."""
        ...

    def sync(self) -> None:
        """Have everything that was written on the disk when this returns. Raises OSError."""
        ...

    def cut(self, size_bytes: int) -> None:
        """Make the file this short."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Reader(Protocol):
    """One file that is read here and there, also after its name has gone."""

    @property
    def size_bytes(self) -> int:
        """How long it was when it was opened."""
        ...

    def read(self, start: int, size_bytes: int) -> bytes:
        """A part of it; less where it ends before."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class Files(Protocol):
    """A file system. Paths are texts; a change of names is on the disk after `sync_folder`."""

    def create(self, path: str) -> File:
        """A new file, empty. Raises FileExistsError."""
        ...

    def append(self, path: str) -> File:
        """A file that is there, to be written at its end."""
        ...

    def read(self, path: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """What a file holds, all of it or a part."""
        ...

    def open(self, path: str) -> Reader:
        """A file to be read here and there."""
        ...

    def names(self, folder: str) -> Sequence[str]:
        """The names in a folder, sorted."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, replacing what has it."""
        ...

    def remove(self, path: str) -> None:
        """Take a file away."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, each on the disk; one that is there stays, and is on the disk too."""
        ...

    def sync_folder(self, path: str) -> None:
        """Have the names in a folder on the disk when this returns."""
        ...

    def lock(self, path: str) -> File:
        """A file that only one process holds at a time, until it closes it or ends. Raises FolderInUse."""
        ...


def write_whole(files: Files, path: str, data: bytes) -> None:
    """A file that is on the disk with all of this before it has its name; what had the name is replaced. Raises OSError.

    It stands beside it with `.new` until then; one that a killed process left there is removed.
    """
    folder, _, name = path.rpartition("/")
    if f"{name}.new" in files.names(folder):
        files.remove(f"{path}.new")
    file = files.create(f"{path}.new")
    try:
        file.write(data)
        file.sync()
    finally:
        file.close()
    files.rename(f"{path}.new", path)
    files.sync_folder(folder)


def room_bytes(disk: os.statvfs_result) -> int:
    """How much must be free of a disk before it is written again, once it was full."""
    return min(ROOM_BYTES, disk.f_blocks * disk.f_frsize // ROOM_SHARE)


def has_room(folder: str) -> bool:
    """Whether the disk of a folder has room to go on with, found out by taking it for a moment. Raises OSError."""
    size_bytes = room_bytes(os.statvfs(folder))
    path = f"{folder}/{ROOM}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return error.errno == errno.EFBIG  # then it is one file that may not be longer
    finally:
        os.close(descriptor)
        os.unlink(path)  # noqa: PTH108
    return True


class _DiskFile:
    """A file of the real disk."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = os.lseek(descriptor, 0, os.SEEK_END)

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            written = os.pwrite(self._descriptor, left, self.size_bytes)
            self.size_bytes += written
            left = left[written:]
        if not os.fstat(self._descriptor).st_nlink:  # the system would take it, and nobody could ever read it
            raise OSError(errno.ENOENT, "the file was removed")

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def cut(self, size_bytes: int) -> None:
        os.ftruncate(self._descriptor, size_bytes)
        self.size_bytes = size_bytes

    def close(self) -> None:
        os.close(self._descriptor)


class _DiskReader:
    """A file of the real disk, read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = os.fstat(descriptor).st_size

    def read(self, start: int, size_bytes: int) -> bytes:
        pieces = []
        while size_bytes > 0 and (piece := os.pread(self._descriptor, size_bytes, start)):
            pieces.append(piece)
            start += len(piece)
            size_bytes -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        os.close(self._descriptor)


class Disk:
    """The machine's file system."""

    def create(self, path: str) -> File:
        """See Files."""
        return _DiskFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))

    def append(self, path: str) -> File:
        """See Files."""
        return _DiskFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def read(self, path: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See Files."""
        with Path(path).open("rb", buffering=0) as file:
            file.seek(start)
            pieces, left = [], -1 if size_bytes is None else size_bytes
            while left and (piece := file.read(left)):
                pieces.append(piece)
                left -= len(piece) if size_bytes is not None else 0
        return b"".join(pieces)

    def open(self, path: str) -> Reader:
        """See Files."""
        return _DiskReader(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def names(self, folder: str) -> Sequence[str]:
        """See Files."""
        return sorted(os.listdir(folder))

    def rename(self, old: str, new: str) -> None:
        """See Files."""
        os.replace(old, new)  # noqa: PTH105 - paths are texts here

    def remove(self, path: str) -> None:
        """See Files."""
        os.unlink(path)  # noqa: PTH108

    def make_folder(self, path: str) -> None:
        """See Files."""
        above = os.path.dirname(path)  # noqa: PTH120
        if not os.path.isdir(path):  # noqa: PTH112
            if above and above != path:
                self.make_folder(above)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, FOLDER_MODE)  # noqa: PTH102
        # also where it was there: who made it may have been killed before this. What is not ours to read was not made by us.
        with contextlib.suppress(PermissionError):
            self.sync_folder(above or ".")

    def sync_folder(self, path: str) -> None:
        """See Files."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: str) -> File:
        """See Files."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(OSError):  # a disk that takes no name is locked nonetheless
                os.pwrite(descriptor, str(os.getpid()).ljust(OWNER_CHARS).encode(), 0)
            return _DiskFile(descriptor)
        except BlockingIOError as error:
            owner = os.pread(descriptor, OWNER_CHARS, 0).strip()
            os.close(descriptor)
            raise FolderInUse(os.path.dirname(path), int(owner) if owner.isdigit() else None) from error  # noqa: PTH120
        except BaseException:
            os.close(descriptor)
            raise
