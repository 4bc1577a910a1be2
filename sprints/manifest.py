"""What a release holds: which file, of which task, with which hash, and by which receipt.

Owns the file `manifest.json` of a release, written once and never changed. Who makes and switches releases is `release`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import orjson

from sprints.artifact import wrong_path
from sprints.errors import ManifestUnreadable

__all__ = ["FILES", "MANIFEST", "SCHEMA", "Entry", "Manifest"]

SCHEMA = "engine.release/v1"
#: The file, and the folder beside it that has the artifacts under their own paths.
MANIFEST, FILES = "manifest.json", "files"
HASH_CHARS = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One artifact of a release. item: the task.  sprint: that which made it.  receipt: the digest of its receipt's line."""

    path: str
    sha256: str
    size_bytes: int
    item: str
    sprint: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A release. before: the one that was current when it was made, None for the first.  at: unix time in seconds."""

    release: str
    sprint: str
    before: str | None
    at: float
    entries: tuple[Entry, ...]

    def data(self) -> bytes:
        """The file, for people too."""
        row = {
            "schema": SCHEMA,
            "release": self.release,
            "sprint": self.sprint,
            "before": self.before,
            "at": self.at,
            "files": [{key: getattr(entry, key) for key in Entry.__slots__} for entry in self.entries],
        }
        return orjson.dumps(row, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @property
    def sha256(self) -> str:
        """The hash of its file."""
        return hashlib.sha256(self.data()).hexdigest()

    @classmethod
    def read(cls, file: str, data: bytes) -> Self:
        """What the file of a release says. Raises ManifestUnreadable."""
        try:
            row = orjson.loads(data)
            if row["schema"] != SCHEMA:
                raise ManifestUnreadable(file, f"its schema is {row['schema']!r}, this engine reads {SCHEMA}")
            entries = tuple(Entry(**entry) for entry in row["files"])
            manifest = cls(row["release"], row["sprint"], row["before"], row["at"], entries)
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestUnreadable(file, f"{type(error).__name__}: {error}") from error
        for entry in entries:
            wrong = _wrong(entry)
            if wrong:
                raise ManifestUnreadable(file, f"{entry.path!r} {wrong}")
        return manifest


def _wrong(entry: Entry) -> str | None:
    """What is wrong with an entry: a manifest may have been changed by anybody."""
    values: tuple[Any, ...] = (entry.path, entry.sha256, entry.item, entry.sprint, entry.receipt)
    if not all(isinstance(value, str) for value in values) or type(entry.size_bytes) is not int:
        return "has a value of another type than it must have"
    if len(entry.sha256) != HASH_CHARS:
        return "has no sha256"
    return wrong_path(entry.path)
