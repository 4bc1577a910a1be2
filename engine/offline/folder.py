"""Where the stores of a data directory are: a folder for each worker of each pool, and those of the engine itself.

Owns the names of these folders and who has one open; it reads no store.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["LOCK", "StoreFolder", "find_stores", "holder_of"]

#: The file of a store that its writer keeps open and locked, with the writer's pid in it.
LOCK = "LOCK"
#: What the names of the engine's own stores begin with; no pool's name does.
OWN = "_"


class StoreFolder(NamedTuple):
    """The folder of one store. pool, worker: whose it is; a store of the engine itself has a name for a pool and no worker."""

    pool: str
    worker: int | None
    path: Path

    @property
    def name(self) -> str:
        """What it is called: p1/0, _roster."""
        return self.pool if self.worker is None else f"{self.pool}/{self.worker}"

    @property
    def is_agents(self) -> bool:
        """Whether states of agents are in it."""
        return self.worker is not None


def find_stores(data: Path) -> list[StoreFolder]:
    """The stores of a data directory, by pool and worker; none where it does not exist. Raises OSError."""
    found = []
    for folder in _folders(data):
        if folder.name.startswith(OWN):
            found.append(StoreFolder(folder.name, None, folder))
            continue
        workers = [worker for worker in _folders(folder) if worker.name.isascii() and worker.name.isdecimal()]
        found += [StoreFolder(folder.name, int(worker.name), worker) for worker in workers]
    return sorted(found, key=lambda store: (not store.is_agents, store.pool, store.worker or 0))


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
