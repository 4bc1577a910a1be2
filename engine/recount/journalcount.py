"""The accepted tasks, counted again from their journal.

Owns the reading of its records one by one: what was accepted, and how each ended for the first time. Only what a compaction has
folded is taken as it was counted then, since those records are no more; the counts ride in its snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

import orjson

from checkpoints.files import Files
from checkpoints.frame import Frame
from checkpoints.manifest import Manifest, read_manifest
from checkpoints.recovery import read_log
from checkpoints.snapshot import open_snapshots

__all__ = ["STATES", "JournalCount", "read_journal"]

#: How tasks end, and the kinds of records that are looked at.
STATES = ("done", "failed", "cancelled", "expired")
COUNTS, ACCEPTED, ENDED = "meta", "task", "end"
#: Letters of parts with states, and with changes of some.
RECORDS = frozenset({b"S", b"E"})


class Reader(Protocol):
    """Who counts records, in their order."""

    def folded(self, kind: str, key: Any, state: dict[str, Any], /) -> None:
        """A record of a snapshot."""
        ...

    def logged(self, kind: str, key: Any, state: dict[str, Any], /) -> None:
        """A record of the log that is a whole state."""
        ...


class JournalCount:
    """The counts. until_s: unix time; what was accepted, or ended, after it is not counted. The records are handed in in order.

    newest_s: of what a compaction has folded, when the newest ended; what is counted up to an instant before that is not known.
    """

    def __init__(self, until_s: float = math.inf) -> None:
        self._until_s = until_s
        self.accepted = 0
        self.ended = dict.fromkeys(STATES, 0)
        self.newest_s = -math.inf
        self._known: set[Any] = set()
        self._over: set[Any] = set()

    @property
    def counts(self) -> dict[str, int]:
        """The six counts."""
        return {"accepted": self.accepted, **self.ended, "open": self.accepted - sum(self.ended.values())}

    def folded(self, kind: str, key: Any, state: dict[str, Any]) -> None:
        """A record of a snapshot."""
        if kind == COUNTS:
            self.accepted = state["accepted"]
            self.ended = {name: state[name] for name in STATES}
        elif kind == ACCEPTED:
            self._known.add(key)
            self.newest_s = max(self.newest_s, state["accepted_s"])
        elif kind == ENDED:
            self._over.add(key)
            self.newest_s = max(self.newest_s, state["ended_s"])

    def logged(self, kind: str, key: Any, state: dict[str, Any]) -> None:
        """A record of the log that is a whole state."""
        if kind == ACCEPTED and key not in self._known:
            self._known.add(key)
            self.accepted += state["accepted_s"] <= self._until_s
        elif kind == ENDED and key not in self._over:  # it is written again when the task is tried again
            self._over.add(key)
            self.ended[state["state"]] += state["ended_s"] <= self._until_s


def read_journal(files: Files, folder: str, *counts: Reader) -> None:
    """Hand a journal's records to each count. Raises CheckpointError, OSError; KeyError and the like for records of no journal.

    It needs no lock. Where the engine moves files meanwhile it is to be called again, with new counts.
    """
    manifests = read_manifest(files, folder)
    if not manifests:
        return
    manifest = manifests[0]
    for kind, key, state in _folded(files, folder, manifest):
        for count in counts:
            count.folded(kind, key, state)

    def visit(frame: Frame, _file: str, _at: int) -> None:
        for kind, key, state in _states(frame):
            for count in counts:
                count.logged(kind, key, state)

    store = manifest.store
    start, first = manifest.segment, manifest.covered + 1
    read_log(files, folder, visit, store=store, start=start, first=first, covered=manifest.covered, is_dry=True)


def _folded(files: Files, folder: str, manifest: Manifest) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    snapshots = open_snapshots(files, folder, manifest, is_verified=True)
    try:
        for snapshot in snapshots.values():
            for block in snapshot.blocks():
                for key, row in zip(block.keys, block.rows, strict=True):
                    yield block.kind, key, _named(block.fields, row)
    finally:
        for snapshot in snapshots.values():
            snapshot.close()


def _states(frame: Frame) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The whole states of a commit."""
    for part in frame.parts:
        if part.letter in RECORDS:
            said = orjson.loads(part.body)
            rows = said.get("r", said.get("s"))
            if rows is not None:
                for key, row in zip(said["i"], rows, strict=True):
                    yield said["k"], key, _named(said["f"], row)


def _named(fields: list[str], row: Any) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    return dict(zip(fields, row, strict=True)) if isinstance(row, list) else {fields[0]: row}
