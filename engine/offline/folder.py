"""Where the stores of a data directory are: a folder for each worker of each pool.

Owns the names of these folders and who has one open; it reads no store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["LOCK", "StoreFolder", "find_stores", "holder_of"]

#: The file of a store that its writer keeps open and locked, with the writer's pid in it.
LOCK = "LOCK"


class StoreFolder(NamedTuple):
    """The folder of one store. pool, worker: whose it is."""

    pool: str
    worker: int
    path: Path

    @property
    def name(self) -> str:
        """What it is called: p1/0."""
        return f"{self.pool}/{self.worker}"


def find_stores(data: Path) -> list[StoreFolder]:
    """The stores of a data directory, by pool and worker; none where it does not exist. Raises OSError."""
    found = []
    for pool in _folders(data):
        workers = [folder for folder in _folders(pool) if folder.name.isascii() and folder.name.isdecimal()]
        found += [StoreFolder(pool.name, int(folder.name), folder) for folder in workers]
    return sorted(found)


def _folders(above: Path) -> list[Path]:
    try:
        return [entry for entry in above.iterdir() if entry.is_dir()]
    except FileNotFoundError:
        return []


def holder_of(folder: Path) -> int | None:
    """The pid of the process that has a store open; None where none is seen to.

    The lock is not tried, as a process that wants the store at that moment would be refused: the pid in its file counts while
    that process has the file open.
    """
    try:
        text = (folder / LOCK).read_text(errors="replace").strip()
        lock = (folder / LOCK).stat()
        if not text.isdecimal():
            return None
        descriptors = list(Path(f"/proc/{int(text)}/fd").iterdir())
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return None
    return int(text) if any(_is(descriptor, lock) for descriptor in descriptors) else None


def _is(descriptor: Path, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), file)
    except OSError:
        return False
