"""The files of a cluster's sprints: here, and on the servers before anything depends on them.

Owns what of a sprint's folder the servers keep: its ledger, line by line as it grows, its backlog and its reports. Who leads
writes through it, and it is the file system of their archive; who follows has here what the servers have, and nothing else.
A ledger is added to only behind what its writer knew as its end, so that of two leaders one cannot write.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Collection, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from checkpoints.files import Disk, File
from engine.cluster.pieces import Overtaken, Pieces, StreamFull
from engine.cluster.subjects import Subjects
from sprints.archive import BACKLOG, HTML, MARKDOWN
from sprints.ledger import LEDGER
from sprints.sprintid import is_sprint_id

__all__ = ["Replica"]

#: Files that are kept whole, and what each is called on the servers.
WHOLE = {BACKLOG: "backlog", MARKDOWN: "markdown", HTML: "html"}
#: The file that says up to which message of the servers a ledger here is theirs; there only while nobody writes it.
MIRRORED = "mirrored"
Value = TypeVar("Value")


class Replica(Disk):
    """The machine's file system, but for the files of sprints. folder: of the archive.

    It is made in the loop; its files are written in threads beside that. A file that the servers do not take raises OSError.
    """

    def __init__(self, pieces: Pieces, subjects: Subjects, folder: Path) -> None:
        self.folder = folder
        self._pieces = pieces
        self._subjects = subjects
        self._loop = asyncio.get_running_loop()
        #: The newest message of each subject that this process has seen.
        self._last: dict[str, int] = {}

    # -- as a file system ----------------------------------------------------------------------------------------------

    def create(self, path: str) -> File:
        """See Files."""
        return self._growing(path, super().create(path))

    def append(self, path: str) -> File:
        """See Files."""
        return self._growing(path, super().append(path))

    def _growing(self, path: str, file: File) -> File:
        place = Path(path)
        if place.name != LEDGER or not is_sprint_id(place.parent.name):
            return file
        place.with_name(MIRRORED).unlink(missing_ok=True)
        return _Growing(file, self, self._subjects.build("sprint.ledger", place.parent.name))

    def rename(self, old: str, new: str) -> None:
        """See Files. A whole file of a sprint is on the servers first."""
        place = Path(new)
        if place.name in WHOLE and is_sprint_id(place.parent.name):
            self.send(self._subjects.build("sprint.file", place.parent.name, WHOLE[place.name]), Path(old).read_bytes())
        super().rename(old, new)

    def send(self, subject: str, data: bytes) -> None:
        """Have a value on the servers, from a thread. Raises OSError."""
        try:
            self._last[subject] = self._wait(self._pieces.append(subject, data, self._last.get(subject, 0)))
        except StreamFull as error:
            raise OSError(errno.ENOSPC, str(error)) from error
        except Overtaken as error:
            raise OSError(errno.EPERM, str(error)) from error

    def _wait(self, doing: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()

    # -- as the servers have it ----------------------------------------------------------------------------------------

    async def restore(self, *, is_leading: bool = True, but: Collection[str] = ()) -> None:
        """Have here what the servers have.

        is_leading: no leader before adds anything to a ledger after this.  but: sprints that are let be.

        Raises nats.errors.Error, TimeoutError, Overtaken.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pattern = self._subjects.every("sprint.file")
        known: dict[str, list[str]] = {}
        for subject in await self._pieces.subjects(pattern):
            sprint, name = self._subjects.parse(subject).parts
            known.setdefault(sprint, []).append(name)
        for place in self.folder.iterdir():
            if is_sprint_id(place.name) and "backlog" not in known.get(place.name, ()):
                shutil.rmtree(place)  # a leader was killed before the servers had it: nothing depends on it
        for sprint, names in known.items():
            if "backlog" in names and is_sprint_id(sprint) and sprint not in but:
                await self._restore(sprint, names, is_leading=is_leading)

    async def _restore(self, sprint: str, names: list[str], *, is_leading: bool) -> None:
        folder = self.folder / sprint
        folder.mkdir(mode=0o700, exist_ok=True)
        for file, name in WHOLE.items():
            subject = self._subjects.build("sprint.file", sprint, name)
            if name in names and not (folder / file).exists():
                found = await self._pieces.read(subject)
                self._last[subject] = found.last
                if found.values:
                    await asyncio.to_thread(_write, folder / file, found.values[-1])
            elif name in names:
                self._last[subject] = await self._pieces.last(subject)
        await self._restore_ledger(sprint, folder, is_leading=is_leading)

    async def _restore_ledger(self, sprint: str, folder: Path, *, is_leading: bool) -> None:
        subject = self._subjects.build("sprint.ledger", sprint)
        last = await self._pieces.last(subject)
        mirrored, ledger = folder / MIRRORED, folder / LEDGER
        is_same = ledger.exists() and mirrored.exists() and mirrored.read_text() == str(last)
        if not last:
            ledger.unlink(missing_ok=True)
        elif not is_same:
            if is_leading:  # from here on nobody who led before can add a line
                last = await self._pieces.append(subject, b"", last)
            found = await self._pieces.read(subject)
            last = found.last
            await asyncio.to_thread(_write, ledger, b"".join(found.values))
            await asyncio.to_thread(_write, mirrored, str(last).encode())
        self._last[subject] = last


class _Growing:
    """A ledger that is written: what was added is on this disk and on the servers after `sync`."""

    def __init__(self, file: File, replica: Replica, subject: str) -> None:
        self._file = file
        self._replica = replica
        self._subject = subject
        self._unsent = bytearray()

    @property
    def size_bytes(self) -> int:
        return self._file.size_bytes

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._unsent += data

    def sync(self) -> None:
        self._file.sync()
        if self._unsent:
            self._replica.send(self._subject, bytes(self._unsent))
            self._unsent.clear()

    def cut(self, size_bytes: int) -> None:
        self._file.cut(size_bytes)

    def close(self) -> None:
        self._file.close()


def _write(path: Path, data: bytes) -> None:
    """A file with this on the disk, in one go."""
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
