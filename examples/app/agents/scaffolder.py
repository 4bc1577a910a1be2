"""Scaffolders: packages, and the parts of the app that no kind of records is without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine import Agent
from examples.app.blueprint import RECORDS, fields_of
from examples.app.workshop import made, text_of

__all__ = ["Scaffolder"]


class Scaffolder(Agent):
    """Lays out."""

    def package(self, work: str, record: str) -> dict[str, Any]:
        """The package of a kind of records."""
        text = text_of("record/__init__.py", record=record, fields=", ".join(fields_of(record)))
        return made(work, f"almanac/{record}/__init__.py", text)

    def tests(self, work: str, record: str) -> dict[str, Any]:
        """The package of its tests."""
        return made(work, f"tests/{record}/__init__.py", f'"""Tests of records of the kind {record}."""\n')

    def part(self, work: str, name: str) -> dict[str, Any]:
        """One module that all share. name: of its template under `core`."""
        names = "".join(f'\n    "{record}",' for record in RECORDS) + "\n"
        text = text_of(f"core/{name}.py", records=names) if name == "__init__" else text_of(f"core/{name}.py")
        return made(work, f"almanac/{name}.py", text)

    def marker(self, work: str, folder: str) -> dict[str, Any]:
        """A folder that is a package of its own."""
        return made(work, f"{folder}/__init__.py", f'"""The {folder.rpartition("/")[2]} of the almanac."""\n')

    def structure(self, work: str) -> dict[str, Any]:
        """What stands where, as it is on the disk."""
        root = Path(work)
        files = sorted(str(file.relative_to(root)) for file in root.rglob("*.py"))
        text = "# Structure\n\n" + "".join(f"- `{file}`\n" for file in files)
        return made(work, "STRUCTURE.md", text, files=len(files))
