"""What the ledgers of sprints tell, read again only where they have changed.

Owns the reading from their files, so that no engine is asked for what stands on the disk, and the pace of it: a ledger that
takes long to read is read less often. Called from threads, one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from engine.cli.sprintlines import summary
from sprints.archive import Archive
from sprints.errors import SprintError, UnknownSprint
from sprints.ledger import LEDGER

__all__ = ["SPRINTS", "Ledgers"]

#: Sprints in a list unless more are asked for: a day and a half of quarters of an hour.
SPRINTS = 150
#: A ledger that grows is read again after so many times what its reading took: 5 % of one core.
REST = 20


class _Read(NamedTuple):
    """One ledger as it was read. at_s, took_s: by the monotonic clock."""

    size_bytes: int
    row: dict[str, Any]
    at_s: float
    took_s: float


class Ledgers:
    """The sprints of one engine. folder: where theirs are."""

    def __init__(self, folder: str) -> None:
        self._archive = Archive(folder)
        self._read: dict[str, _Read] = {}
        self._lock = Lock()

    def rows(self, running: Mapping[str, Mapping[str, Any]], limit: int = SPRINTS) -> list[dict[str, Any]]:
        """The sprints, the newest first, each with its `steps` and what is said of it if it runs (`now`). Raises OSError."""
        with self._lock:
            ids = self._archive.ids()[-limit:]
            self._read = {sprint: read for sprint, read in self._read.items() if sprint in ids}
            rows = (self._row(sprint, running) for sprint in reversed(ids))
            return [row for row in rows if row is not None]

    def row(self, running: Mapping[str, Mapping[str, Any]], sprint: str) -> dict[str, Any]:
        """One of them. Raises UnknownSprint, OSError."""
        with self._lock:
            row = self._row(sprint, running)
        if row is None:
            raise UnknownSprint(sprint)
        return row

    def _row(self, sprint: str, running: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
        known = self._read.get(sprint)
        now = running.get(sprint)
        try:
            size_bytes = Path(self._archive.path(sprint, LEDGER)).stat().st_size
            if known is None or _is_due(known, size_bytes, is_running=now is not None):
                began_s = time.monotonic()
                row = self._told(sprint, is_running=now is not None)
                known = _Read(size_bytes, row, time.monotonic(), time.monotonic() - began_s)
                self._read[sprint] = known
        except (SprintError, FileNotFoundError):
            return None  # it has not begun, or was removed
        return {**known.row, "now": None if now is None else dict(now)}

    def _told(self, sprint: str, *, is_running: bool) -> dict[str, Any]:
        told = self._archive.chronicle(sprint)
        waves = (told.header.get("shape") or {}).get("waves", [])
        return {
            **summary(told, self._archive, is_running=is_running),
            "steps": [span._asdict() for span in told.spans],
            "waves": [{"name": wave["name"], "steps": wave["steps"]} for wave in waves],
            "is_over": told.is_over,
        }


def _is_due(known: _Read, size_bytes: int, *, is_running: bool) -> bool:
    """Whether a ledger is to be read again."""
    has_changed = size_bytes != known.size_bytes or is_running == known.row["is_over"]
    return has_changed and time.monotonic() > known.at_s + REST * known.took_s
