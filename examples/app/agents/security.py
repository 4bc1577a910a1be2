"""Security agents: what a scan finds in the sources, and its mending."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from engine import Agent
from examples.app.blueprint import RECORDS
from examples.app.scan import findings, mended
from examples.app.workshop import made, made_json, read

__all__ = ["Security"]


class Security(Agent):
    """Audits."""

    def scan(self, work: str, package: str, name: str) -> dict[str, Any]:
        """Every module of a package. name: of the report, under `audit`."""
        files = sorted((Path(work) / "almanac" / package).glob("*.py"))
        found = [{"file": file.name, **finding._asdict()} for file in files for finding in findings(file.read_text())]
        return made_json(work, f"audit/{name}.json", {"modules": len(files), "found": found}, found=found)

    def mend(self, work: str, package: str, name: str) -> dict[str, Any]:
        """One module, without what a scan finds in it."""
        path = f"almanac/{package}/{name}.py"
        text = read(work, path)
        better = mended(text)
        return made(work, path, better, mended=len(findings(text)) - len(findings(better)), left=len(findings(better)))

    def audit(self, work: str) -> dict[str, Any]:
        """What was found and what is left, over all packages."""
        found: Counter[str] = Counter()
        left: Counter[str] = Counter()
        for package in (*RECORDS, "auth"):
            for total, name in ((found, package), (left, f"{package}.after")):
                total.update(one["rule"] for one in json.loads(read(work, f"audit/{name}.json"))["found"])
        facts = {"found": found.total(), "left": left.total(), "rules": dict(found), "passed": not left}
        return made_json(work, "results/security.json", facts, **facts)
