"""Architects: what each kind of records is, and how the parts of the app stand to each other."""

from __future__ import annotations

from typing import Any

from engine import Agent
from examples.app.blueprint import FIELDS, RECORDS, fields_of
from examples.app.workshop import made, made_json, read

__all__ = ["Architect"]


class Architect(Agent):
    """Designs. designs: how many so far."""

    designs: int = 0

    def design(self, work: str, record: str) -> dict[str, Any]:
        """One kind of records: its fields with their types and limits, and its paths."""
        fields = [
            {"name": name, "kind": kind, "python": FIELDS[kind][0], "sql": FIELDS[kind][1], "most": FIELDS[kind][2]}
            for name, kind in fields_of(record).items()
        ]
        paths = [f"/api/{record}", f"/api/{record}/<key>", f"/search/{record}", f"/export/{record}", f"/{record}"]
        self.designs += 1
        design = {"record": record, "fields": fields, "paths": paths}
        return made_json(work, f"design/{record}.json", design, **design)

    def architecture(self, work: str) -> dict[str, Any]:
        """The whole, from the designs that there are."""
        lines = ["# Architecture", "", "server → router → routes of a record → its rules, reading and writing → SQLite", ""]
        lines += ["| record | fields | design |", "|---|---|---|"]
        for record in RECORDS:
            lines.append(f"| {record} | {', '.join(fields_of(record))} | {len(read(work, f'design/{record}.json'))} bytes |")
        return made(work, "docs/architecture.md", "\n".join(lines) + "\n", records=len(RECORDS))
