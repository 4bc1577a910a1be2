"""How the state of an engine is kept, and where each part of it is.

Owns the layout of the data folder: one store for each worker of each pool, one for the roster, and one for
the journal of tasks. It opens nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from checkpoints.spec import ANSWERS_BYTES, ANSWERS_KEPT

__all__ = ["Keep", "Recovered", "in_words", "keep_in", "recovered"]

#: The folders of the roster and of the journal; no pool can be called so.
ROSTER, JOURNAL = "_roster", "_journal"


class Keep(NamedTuple):
    """folder: of everything that is kept.  is_synced: whether an answer waits for the disk, or for the kernel only.

    without: kinds whose classes are not loaded, as their code is gone.
    """

    folder: str
    is_synced: bool
    without: frozenset[str] = frozenset()

    @property
    def roster(self) -> str:
        """The folder of the roster."""
        return f"{self.folder}/{ROSTER}"

    @property
    def journal(self) -> str:
        """The folder of the journal of tasks."""
        return f"{self.folder}/{JOURNAL}"

    @property
    def choices(self) -> str:
        """The file of agents that were chosen for what clients may send again."""
        return f"{self.folder}/_choices"

    def store(self, pool: str, worker: int) -> str:
        """The folder of a worker's store."""
        return f"{self.folder}/{pool}/{worker}"

    def order(self, pool: str, worker: int, session: str, workers: int = 1) -> dict[str, Any]:
        """What a worker is told of its store.

        session: tells the numbers of this engine's sections from all others.  workers: that share what a pool may keep.
        """
        return {
            "folder": self.store(pool, worker),
            "session": session,
            "is_synced": self.is_synced,
            "answers": max(ANSWERS_KEPT // workers, 1),
            "answers_bytes": ANSWERS_BYTES // workers,
        }


def keep_in(folder: str, without: frozenset[str], *, is_synced: bool) -> Keep:
    """What is kept in a folder, wherever this process goes from here."""
    return Keep(os.path.abspath(folder), is_synced, without)  # noqa: PTH100 - pathlib takes 4 ms to load


class Recovered(NamedTuple):
    """What was read when an engine began.

    agents: how many there were.  records: replayed by all workers.  seconds: of the slowest of them.
    torn: file, offset and bytes of each torn tail that was cut off.
    """

    agents: int
    records: int
    seconds: float
    torn: list[list[Any]]


def recovered(agents: int, found: Sequence[Mapping[str, Any]]) -> Recovered:
    """What was read, from what each worker found in its store."""
    return Recovered(
        agents=agents,
        records=sum(one["records"] for one in found),
        seconds=max((one["seconds"] for one in found), default=0.0),
        torn=[one["torn"] for one in found if one["torn"]],
    )


def in_words(found: dict[str, Any] | None) -> str:
    """What a worker read in its store, in words."""
    if not found or not (found["records"] or found["torn"]):
        return ""
    text = f", {found['records']:,} records replayed in {found['seconds'] * 1e3:,.0f} ms"
    if found["torn"]:
        file, at, size_bytes = found["torn"]
        text += f"; {size_bytes:,} bytes of a torn tail were cut off {file} at {at:,}"
    return text + ("; the newest snapshots were damaged, the ones before were read" if found["is_fallback"] else "")
