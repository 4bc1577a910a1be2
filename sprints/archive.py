"""The sprints that were, and those that run: a folder each, by id.

Owns the names of their files, and which ids were ever given. What stands in a ledger is `ledger`'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import orjson

from checkpoints.files import Disk, Files, write_whole
from sprints.chronicle import Chronicle, chronicle_of
from sprints.errors import UnknownSprint
from sprints.ledger import LEDGER, lines_of
from sprints.sprintid import is_sprint_id, next_sprint_id

__all__ = ["BACKLOG", "HTML", "MARKDOWN", "Archive"]

#: The files of a sprint beside its ledger: the backlog as it was then, and the two forms of its report.
BACKLOG, MARKDOWN, HTML = "backlog.json", "report.md", "report.html"


class Archive:
    """The sprints of one engine. folder: made when the first one begins."""

    def __init__(self, folder: str, files: Files | None = None) -> None:
        self.folder = folder
        self._files = files or Disk()

    def ids(self) -> list[str]:
        """Every sprint, the oldest first."""
        try:
            names = self._files.names(self.folder)
        except FileNotFoundError:
            return []
        return sorted((name for name in names if is_sprint_id(name)), key=lambda name: (name[:11], int(name[12:])))

    def path(self, sprint: str, name: str = "") -> str:
        """A sprint's folder, or a file in it. Raises UnknownSprint."""
        if not is_sprint_id(sprint) or not os.path.isdir(f"{self.folder}/{sprint}"):  # noqa: PTH112 - paths are texts here
            raise UnknownSprint(sprint)
        return f"{self.folder}/{sprint}/{name}" if name else f"{self.folder}/{sprint}"

    def make(self, at_s: float, backlog: dict[str, Any]) -> str:
        """A new sprint's folder with its backlog; returns its id. at_s: unix time.  Raises TooManySprints, OSError."""
        self._files.make_folder(self.folder)
        sprint = next_sprint_id(at_s, self.ids())
        folder = f"{self.folder}/{sprint}"
        self._files.make_folder(folder)
        write_whole(self._files, f"{folder}/{BACKLOG}", orjson.dumps(backlog))
        self._files.sync_folder(self.folder)
        return sprint

    def backlog(self, sprint: str) -> dict[str, Any]:
        """The backlog of a sprint, as it was when that began. Raises UnknownSprint, OSError, ValueError."""
        document: dict[str, Any] = orjson.loads(self._files.read(self.path(sprint, BACKLOG)))
        return document

    def events(self, sprint: str) -> Iterator[dict[str, Any]]:
        """The events of a sprint's ledger up to the first line that is wrong. Raises UnknownSprint, OSError."""
        path = self.path(sprint, LEDGER)
        if LEDGER not in self._files.names(self.path(sprint)):
            return
        for line in lines_of(self._files, path, sprint):
            if line.wrong is not None:
                return
            yield line.facts

    def last_digest(self, sprint: str) -> str | None:
        """The digest of the last line of its ledger; None where it has none. Raises UnknownSprint, OSError."""
        digest = None
        if LEDGER in self._files.names(self.path(sprint)):
            for line in lines_of(self._files, self.path(sprint, LEDGER), sprint):
                digest = line.digest
        return digest

    def chronicle(self, sprint: str) -> Chronicle:
        """What its ledger tells. Raises UnknownSprint, OSError."""
        return chronicle_of(self.events(sprint))

    def write(self, sprint: str, name: str, text: str) -> None:
        """Write a file of a sprint, whole or not at all. Raises UnknownSprint, OSError."""
        write_whole(self._files, self.path(sprint, name), text.encode())
