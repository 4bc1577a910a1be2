"""The list of what is in a backup: each file with its length and its digest.

Owns the form of the list, the names that a file may have, and the check of a file against it. It opens nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from engine.errors import BackupDamaged

__all__ = ["INVENTORY", "Entry", "Inventory", "check_name", "missing"]

#: The file of the list, the last that is written.
INVENTORY = "BACKUP.json"
SCHEMA = "engine.backup/v1"
#: POOL/NUMBER/FILE, or _STORE/FILE: nothing that leads out of a folder, and nothing hidden.
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,31}/[0-9]{1,4}|_[a-z]{1,31})/[A-Za-z0-9][A-Za-z0-9.-]{0,63}")


class Entry(NamedTuple):
    """One file. name: its path in the data directory.  sha256: in hexadecimal."""

    name: str
    size_bytes: int
    sha256: str


class Inventory(NamedTuple):
    """A backup's list. name: of the engine.  made_s: seconds since 1970, when the copy began."""

    name: str
    version: str
    made_s: float
    files: list[Entry]

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.size_bytes for entry in self.files)

    def packed(self) -> bytes:
        """The list as it is written."""
        facts = self._facts()
        return json.dumps({**facts, "digest": _digest(facts)}, indent=1).encode() + b"\n"

    def _facts(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **self._asdict(), "files": [list(entry) for entry in self.files]}

    @classmethod
    def read(cls, data: bytes, place: str) -> Inventory:
        """The list that stands in a file. place: what the file is called in errors.  Raises BackupDamaged."""
        try:
            facts = json.loads(data)
            digest = facts.pop("digest")
            if facts.pop("schema") != SCHEMA:
                raise BackupDamaged(f"{place} is no list that this version knows", file=place)
            inventory = cls(**facts)._replace(files=[Entry(*entry) for entry in facts["files"]])
            is_whole = digest == _digest(inventory._facts())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(f"{place} cannot be read: {error}", file=place) from error
        if not is_whole:
            raise BackupDamaged(f"{place} is not as it was written", file=place)
        for entry in inventory.files:
            check_name(entry.name, place)
        return inventory


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def check_name(name: str, place: str) -> None:
    """Raises BackupDamaged for a name that is no file of a store, such as one that leads elsewhere."""
    if _NAME.fullmatch(name) is None:
        raise BackupDamaged(f"{place} names {name!r}, which is no file of a store: nothing was written", file=place)


def missing(inventory: Inventory, found: Iterable[str]) -> list[str]:
    """The files of a list that were not found."""
    there = frozenset(found)
    return [entry.name for entry in inventory.files if entry.name not in there]
