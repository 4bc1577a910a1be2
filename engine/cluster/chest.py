"""Files on the servers, known by the sha256 of what is in them.

Owns that a file there is whole, and is what its name says: who takes it out looks again. Nothing is kept twice. Where a file
goes below a folder is decided here too: by names alone, through no link.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress

from engine.cluster.pieces import Overtaken, Pieces
from engine.cluster.streams import AGAIN_S
from engine.cluster.subjects import Subjects
from engine.errors import Unavailable
from sprints.artifact import FOLDER, wrong_path

__all__ = ["FILE_BYTES", "Chest", "NotThere"]

#: Bytes of one file: an eighth of what the servers keep of them all.
FILE_BYTES = 1 << 28


class NotThere(Unavailable):
    """The servers have no such file, or a damaged one."""


class Chest:
    """The files of a cluster."""

    def __init__(self, pieces: Pieces, subjects: Subjects) -> None:
        self._pieces = pieces
        self._subjects = subjects

    async def has(self, sha256: str) -> bool:
        """Whether a file is on the servers. Raises nats.errors.Error, TimeoutError."""
        return await self._pieces.is_whole(self._subjects.build("artifact", sha256))

    async def put(self, sha256: str, descriptor: int, size_bytes: int) -> None:
        """Have an open file on the servers. Raises NotThere where it is not as it was said, StreamFull, nats.errors.Error."""
        subject = self._subjects.build("artifact", sha256)
        mode = f"{os.fstat(descriptor).st_mode & 0o777:o}"
        while not await self._pieces.is_whole(subject):
            state = hashlib.sha256()

            def read(start: int, most: int, state: hashlib._Hash = state) -> bytes:
                data = os.pread(descriptor, min(most, size_bytes - start), start)
                state.update(data)
                if start + len(data) >= size_bytes and state.hexdigest() != sha256:  # so it never is whole there
                    raise NotThere(f"a file with sha256 {sha256} was written while it was read")
                return data

            try:
                await self._pieces.pour(subject, size_bytes, read, await self._pieces.last(subject), mode)
            except Overtaken:  # somebody else has the same to put there
                await asyncio.sleep(AGAIN_S)

    async def read(self, sha256: str, most_bytes: int) -> bytes:
        """What is in a file. Raises NotThere, also where it has more bytes; nats.errors.Error, TimeoutError."""
        data = bytearray()

        def write(piece: bytes) -> None:
            data.extend(piece)
            if len(data) > most_bytes:
                raise NotThere(f"what the servers have under sha256 {sha256} has more than {most_bytes:,} bytes")

        await self._take_out(sha256, write, data.clear)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotThere(f"what the servers have under sha256 {sha256} is damaged")
        return bytes(data)

    async def get(self, sha256: str, folder: int, path: str, made_ns: int | None = None) -> None:
        """Have a file at a path below a folder, given as a descriptor, as its node had it; what was there is replaced.

        made_ns: unix time that it shall have been written at; None for now.

        Raises NotThere, OSError, nats.errors.Error.
        """
        above, name = await asyncio.to_thread(_opened, folder, path)
        new = f".{os.urandom(8).hex()}.new"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            target = os.open(new, flags, 0o600, dir_fd=above)
            try:
                mode = await self._take_out(sha256, lambda data: _write(target, data), lambda: os.ftruncate(target, 0))
                await asyncio.to_thread(_check, target, sha256)
                os.fchmod(target, mode | 0o600)
                if made_ns is not None:
                    os.utime(target, ns=(made_ns, made_ns))
                await asyncio.to_thread(os.fsync, target)
            finally:
                os.close(target)
            os.replace(new, name, src_dir_fd=above, dst_dir_fd=above)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(new, dir_fd=above)
            os.close(above)

    async def _take_out(self, sha256: str, write: Callable[[bytes], None], anew: Callable[[], None]) -> int:
        """Write it part by part; returns its permissions."""
        subject, mode = self._subjects.build("artifact", sha256), ""
        last = await self._pieces.last(subject)
        if not last:
            raise NotThere(f"the servers have no file with sha256 {sha256}")
        async for piece in self._pieces.pieces(subject, last):
            if piece.at == 0:
                anew()
            write(piece.data)
            mode = piece.note
        return int(mode, 8) & 0o777 if mode.isdecimal() else 0o600


def _write(target: int, data: bytes) -> None:
    os.lseek(target, 0, os.SEEK_END)
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]


def _check(target: int, sha256: str) -> None:
    with os.fdopen(os.dup(target), "rb") as file:
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise NotThere(f"what the servers have under sha256 {sha256} is damaged")


def _opened(folder: int, path: str) -> tuple[int, str]:
    """A descriptor of the folder that a path is in, made where it is not there, and the path's last name. Raises OSError."""
    wrong = wrong_path(path)
    if wrong is not None:
        raise NotThere(f"{path!r:.80} {wrong}")
    *above, name = path.split("/")
    opened = os.dup(folder)
    for part in above:
        try:
            with suppress(FileExistsError):
                os.mkdir(part, 0o777, dir_fd=opened)
            inner = os.open(part, FOLDER, dir_fd=opened)
        finally:
            os.close(opened)
        opened = inner
    return opened, name
