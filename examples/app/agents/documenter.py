"""Documenters: the skeleton of what is written for people."""

from __future__ import annotations

from typing import Any

from engine import Agent
from examples.app.blueprint import RECORDS, fields_of
from examples.app.workshop import made, text_of

__all__ = ["Documenter"]


class Documenter(Agent):
    """Writes for people."""

    def record(self, work: str, record: str) -> dict[str, Any]:
        """The page of a kind of records."""
        fields = "".join(f"- **{name}**: {kind}\n" for name, kind in fields_of(record).items())
        return made(work, f"docs/{record}.md", text_of("docs/record.md", record=record, fields=fields))

    def readme(self, work: str) -> dict[str, Any]:
        """What the project is, and how it is started."""
        return made(work, "README.md", text_of("docs/README.md", count=str(len(RECORDS))))

    def index(self, work: str) -> dict[str, Any]:
        """The page that leads to all others."""
        lines = ["# Documentation", "", "- [Architecture](architecture.md)"]
        lines += [f"- [{record}]({record}.md)" for record in RECORDS]
        return made(work, "docs/index.md", "\n".join(lines) + "\n", pages=len(lines) - 2)
