"""The agents of an audit in sprints: reviewers judge a module each, editors add a package up.

What they find is a file in the work folder, since a task of a sprint is proven by what it leaves. What a finding is, is known
in `inspection`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from engine import Agent
from examples.audit import source
from examples.audit.inspection import inspect
from examples.audit.totals import Totals

__all__ = ["Editor", "Reviewer"]


class Reviewer(Agent):
    """Judges modules. reviewed: how many so far."""

    reviewed: int = 0

    def review(self, work: str, key: str, path: str, file: str) -> dict[str, Any]:
        """Audit a file and write what was found to `modules/<key>.json`. path: absolute, percent-encoded."""
        read = source.read(Path(os.fsdecode(unquote_to_bytes(path))))
        if isinstance(read, source.Broken):
            totals, found, lines = Totals.of_broken(read.cause), [], 0
        else:
            inspection = inspect(read)
            totals, lines = Totals.of_module(inspection, file), inspection.lines
            found = [[one.line, one.column, one.code, one.message] for one in inspection.findings]
        self.reviewed += 1
        _write(work, f"modules/{key}.json", {"file": file, "found": found, "totals": totals.as_dict()})
        return {"lines": lines, "findings": len(found)}


class Editor(Agent):
    """Adds packages up. edited: how many so far."""

    edited: int = 0

    def edit(self, work: str, key: str, modules: list[str]) -> dict[str, Any]:
        """Add up what reviewers wrote about these modules, as `packages/<key>.json`."""
        totals = Totals()
        for module in modules:
            totals.add(Totals.of_dict(json.loads((Path(work) / f"modules/{module}.json").read_text())["totals"]))
        self.edited += 1
        _write(work, f"packages/{key}.json", totals.as_dict())
        return {"modules": totals.modules}


def _write(work: str, path: str, value: dict[str, Any]) -> None:
    file = Path(work) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))
