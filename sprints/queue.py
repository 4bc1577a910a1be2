"""The campaigns that wait for their backlog, a file each: who has been told that it waits comes to its turn, whatever happens.

Owns the names of the files, which say who is first, and what stands in them. Whose turn it is, the engine finds out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson

from checkpoints.errors import FULL, DiskFull
from checkpoints.files import Disk, Files, write_whole

__all__ = ["QUEUE", "Queue", "Queued", "is_queued_id", "new_queued_id"]

#: The folder, beside those of the sprints.
QUEUE = "queue"
#: Bytes of chance in an id: it is no other one's, also of one that is no more.
ID_BYTES = 6
ID = re.compile(r"q-[0-9a-f]{12}", re.ASCII)
FILE = re.compile(r"(\d{6,})-(q-[0-9a-f]{12})\.json", re.ASCII)


def new_queued_id() -> str:
    """An id that nobody had."""
    return f"q-{secrets.token_hex(ID_BYTES)}"


def is_queued_id(text: str) -> bool:
    """Whether a text is an id of a campaign that waits."""
    return ID.fullmatch(text) is not None


class Queued(NamedTuple):
    """A campaign that waits. at_s: unix time since when.  backlog, settings: their rows."""

    id: str
    at_s: float
    backlog: Mapping[str, Any]
    settings: Mapping[str, Any]


class Queue:
    """The campaigns of one engine that wait. folder: of its sprints."""

    def __init__(self, folder: str, files: Files | None = None) -> None:
        self._folder = f"{folder}/{QUEUE}"
        self._files = files or Disk()

    def add(self, queued: Queued) -> None:
        """Have it wait, behind all others; it is on the disk when this returns. Raises DiskFull, OSError."""
        self._files.make_folder(self._folder)
        number = max((number for number, _ in self._names()), default=0) + 1
        path = f"{self._folder}/{number:06}-{queued.id}.json"
        try:
            write_whole(self._files, path, orjson.dumps(queued._asdict()))
        except OSError as error:
            with suppress(OSError):
                self._files.remove(f"{path}.new")
            if error.errno in FULL:
                raise DiskFull(path, error) from error
            raise

    def ids(self) -> list[str]:
        """Those that wait, the first one first. Raises OSError."""
        return [name for _, name in sorted(self._names())]

    def read(self, queued: str) -> Queued:
        """One of them. Raises FileNotFoundError, OSError, ValueError where its file does not say it."""
        row = orjson.loads(self._files.read(self._path(queued)))
        if not isinstance(row, dict) or row.keys() != set(Queued._fields) or row["id"] != queued:
            raise ValueError(f"{self._path(queued)} is no campaign that waits")
        return Queued(**row)

    def remove(self, queued: str) -> None:
        """Have it wait no more, on the disk when this returns; one that does not wait is none. Raises OSError."""
        with suppress(FileNotFoundError):
            self._files.remove(self._path(queued))
            self._files.sync_folder(self._folder)

    def _path(self, queued: str) -> str:
        for number, name in self._names():
            if name == queued:
                return f"{self._folder}/{number:06}-{name}.json"
        raise FileNotFoundError(f"{queued} does not wait")

    def _names(self) -> Sequence[tuple[int, str]]:
        try:
            names = self._files.names(self._folder)
        except FileNotFoundError:
            return ()
        return [(int(found[1]), found[2]) for found in map(FILE.fullmatch, names) if found is not None]
