"""The sprints that were, and those that run: a folder each, by id.

Owns the names of their files, which ids were ever given, and that one process works on a backlog. What stands in a ledger is
`ledger`'s.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson

from checkpoints.errors import FolderInUse
from checkpoints.files import Disk, File, Files, write_whole
from sprints.chronicle import Chronicle, chronicle_of
from sprints.errors import SprintBusy, SprintError, UnknownSprint
from sprints.ledger import LEDGER, Line, lines_of, read_ledger
from sprints.sprintid import is_sprint_id, next_sprint_id

__all__ = ["BACKLOG", "HTML", "MARKDOWN", "Archive"]

#: The files of a sprint beside its ledger: the backlog as it was then, and the two forms of its report.
BACKLOG, MARKDOWN, HTML = "backlog.json", "report.md", "report.html"
#: The newest id that was ever given, whatever has become of its folder, and the lock of who gives the next one.
NEWEST, LOCK = "newest", "LOCK"
#: Seconds between two tries to give an id, and tries: another process gives one within milliseconds.
AGAIN_S, TRIES = 0.01, 1_000
#: Digits by which the lock of a backlog is named: its own name may have signs that no file can have.
NAME_DIGITS = 16


class Archive:
    """The sprints of one engine. folder: made when the first one begins."""

    def __init__(self, folder: str, files: Files | None = None) -> None:
        self.folder = folder
        #: The file system that ledgers, backlogs and reports are in.
        self.files = files or Disk()

    def ids(self) -> list[str]:
        """Every sprint, the oldest first."""
        try:
            names = self.files.names(self.folder)
        except FileNotFoundError:
            return []
        return sorted((name for name in names if is_sprint_id(name)), key=lambda name: (name[:11], int(name[12:])))

    def path(self, sprint: str, name: str = "") -> str:
        """A sprint's folder, or a file in it. Raises UnknownSprint."""
        if not is_sprint_id(sprint) or not os.path.isdir(f"{self.folder}/{sprint}"):  # noqa: PTH112 - paths are texts here
            raise UnknownSprint(sprint)
        return f"{self.folder}/{sprint}/{name}" if name else f"{self.folder}/{sprint}"

    def make(self, at_s: float, backlog: dict[str, Any], is_known: Callable[[str], bool] = lambda _sprint: False) -> str:
        """A new sprint's folder with its backlog; returns its id, which none had before, also none that was removed.

        at_s: unix time.  is_known: whether others know something under an id, who then have it from a sprint that is no more.

        Raises TooManySprints, FolderInUse, OSError.
        """
        self.files.make_folder(self.folder)
        with self._alone():
            given = [*self.ids(), *self._newest()]
            while is_known(sprint := next_sprint_id(at_s, given)):
                given = [sprint]
            write_whole(self.files, f"{self.folder}/{NEWEST}", sprint.encode())
            folder = f"{self.folder}/{sprint}"
            self.files.make_folder(folder)
            write_whole(self.files, f"{folder}/{BACKLOG}", orjson.dumps(backlog))
            self.files.sync_folder(self.folder)
        return sprint

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the one who gives ids, once no one else is. Raises FolderInUse."""
        lock: File | None = None
        for _ in range(TRIES):
            with suppress(FolderInUse):
                lock = self.files.lock(f"{self.folder}/{LOCK}")
                break
            time.sleep(AGAIN_S)
        lock = lock or self.files.lock(f"{self.folder}/{LOCK}")
        try:
            yield
        finally:
            lock.close()

    def _newest(self) -> list[str]:
        """The newest id that was given; none before the first, and where the file says nothing."""
        try:
            newest = self.files.read(f"{self.folder}/{NEWEST}").decode(errors="replace")
        except FileNotFoundError:
            return []
        return [newest] if is_sprint_id(newest) else []

    def claim(self, backlog: str) -> File:
        """Be the one process that works on a backlog, until this is closed. Raises SprintBusy, OSError."""
        self.files.make_folder(self.folder)
        digits = hashlib.sha256(backlog.encode()).hexdigest()[:NAME_DIGITS]
        try:
            return self.files.lock(f"{self.folder}/{digits}.lock")
        except FolderInUse as error:
            raise SprintBusy(backlog, self._newest_of(backlog)) from error

    def _newest_of(self, backlog: str) -> str:
        """The newest sprint of a backlog; empty where none is known."""
        for sprint in reversed(self.ids()):
            with suppress(SprintError, OSError, ValueError):  # who is damaged belongs to nobody
                if self.backlog_of(sprint) == backlog:
                    return sprint
        return ""

    def backlog(self, sprint: str) -> dict[str, Any]:
        """The backlog of a sprint, as it was when that began. Raises UnknownSprint, OSError, ValueError."""
        document: dict[str, Any] = orjson.loads(self.files.read(self.path(sprint, BACKLOG)))
        return document

    def events(self, sprint: str) -> Iterator[dict[str, Any]]:
        """The events of a sprint's ledger up to the first line that is wrong. Raises UnknownSprint, OSError."""
        return self._good(sprint, lambda _line: None)

    def _good(self, sprint: str, take: Callable[[Line], None]) -> Iterator[dict[str, Any]]:
        """The same; `take` is given the lines from the first wrong one on."""
        is_good = True
        lines = lines_of(self.files, self.path(sprint, LEDGER), sprint) if self.has_ledger(sprint) else ()
        for line in lines:
            is_good = is_good and line.wrong is None
            if is_good:
                yield line.facts
            else:
                take(line)

    def backlog_of(self, sprint: str) -> str:
        """The name of its backlog. Raises UnknownSprint, OSError, ValueError where no file says it."""
        header = next(self.events(sprint), None) or {}
        name = header.get("backlog")
        return name if isinstance(name, str) else str(self.backlog(sprint).get("name"))

    def lines(self, sprint: str) -> list[Line]:
        """The lines of its ledger, all as they were written; a torn tail, which says nothing, is none of them.

        Raises LedgerCorrupt, UnknownSprint, OSError.
        """
        lines: list[Line] = []
        if self.has_ledger(sprint):
            read_ledger(self.files, self.path(sprint, LEDGER), sprint, lines.append)
        return lines

    def has_ledger(self, sprint: str) -> bool:
        """Whether it has begun. Raises UnknownSprint, OSError."""
        return LEDGER in self.files.names(self.path(sprint))

    def has_report(self, sprint: str) -> bool:
        """Whether it has a report, which is written when it has ended. Raises UnknownSprint, OSError."""
        return MARKDOWN in self.files.names(self.path(sprint))

    def chronicle(self, sprint: str) -> Chronicle:
        """What its ledger tells, up to the first line that is wrong. Raises UnknownSprint, OSError."""
        wrong: list[Line] = []
        told = chronicle_of(self._good(sprint, wrong.append))
        if any(line.is_whole for line in wrong):  # else it is being written, or was when its engine was killed
            told.damage = f"{self.path(sprint, LEDGER)}:{wrong[0].line}: {wrong[0].wrong}"
        return told

    def campaign(self, first: str) -> Iterator[Chronicle]:
        """What the ledgers of a campaign tell, known by its first sprint, the oldest first. Raises OSError."""
        for sprint in self.ids():
            header = next(self.events(sprint), None)
            if header is not None and header.get("campaign") == first:
                yield self.chronicle(sprint)

    def rows(self, first: str) -> list[dict[str, Any]]:
        """What became of each sprint of a campaign: `sprint`, `impact`, `next`. Raises OSError."""
        return [told.row() for told in self.campaign(first)]

    def write(self, sprint: str, name: str, text: str) -> None:
        """Write a file of a sprint, whole or not at all. Raises UnknownSprint, OSError."""
        write_whole(self.files, self.path(sprint, name), text.encode())
