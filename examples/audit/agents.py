"""The agents of an audit: one for each module, one for each package, and the report.

Owns what is kept where. A module's agent keeps its findings and tells its package the sums; a package's agent adds
them up; the report's agent asks the packages. What a file means is decided below, in `inspection`; who starts them
and when, above, in `job`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from engine import Agent, Context
from examples.audit import source
from examples.audit.inspection import Inspection, inspect
from examples.audit.totals import Totals

__all__ = ["KINDS", "MOST_FINDINGS", "MOST_GROUPS", "Module", "Package", "Report"]

#: Findings that a module's agent keeps, at most 130 bytes each: three quarters of the state that an agent may have.
MOST_FINDINGS = 3_000
#: Characters of a finding's message that are kept.
MESSAGE_CHARS = 100
#: Top-level packages that the report keeps apart, some 400 bytes each; further ones are counted together under OTHERS.
MOST_GROUPS = 800
OTHERS = "(others)"


class Module(Agent):
    """Reads, measures and judges one file.

    cause: why it could not, empty if it could.  found: [line, column, code, message] of each finding, by line.
    """

    file: str = ""
    cause: str = ""
    detail: str = ""
    line: int = 0
    total: int = 0
    found: list[list[Any]]

    def audit(self, path: str, file: str, package: str, ctx: Context) -> dict[str, Any]:
        """Audit a file and tell its package; a second time replaces what was found the first time.

        path: absolute, percent-encoded.  file: how reports call it.  package: key of the package's agent.
        Returns what a caller needs to show: `lines`, `findings`, and `cause`, `detail` and `line` of a broken file.
        """
        self.file = file
        read = source.read(Path(os.fsdecode(unquote_to_bytes(path))))
        if isinstance(read, source.Broken):
            self._keep_broken(read)
            lines, totals = 0, Totals.of_broken(read.cause)
        else:
            lines, totals = self._keep(inspect(read))
        ctx.tell(f"package/{package}", "add", totals.as_dict())
        return {"lines": lines, "findings": self.total, "cause": self.cause, "detail": self.detail, "line": self.line}

    def findings(self, start: int, count: int) -> list[list[Any]]:
        """Some of the findings: [line, column, code, message], in the order of the file."""
        return self.found[start : start + count]

    def _keep(self, inspection: Inspection) -> tuple[int, Totals]:
        findings = inspection.findings
        self.cause, self.detail, self.line = "", "", 0
        self.total = len(findings)
        self.found = [[f.line, f.column, f.code, f.message[:MESSAGE_CHARS]] for f in findings[:MOST_FINDINGS]]
        return inspection.lines, Totals.of_module(inspection, self.file)

    def _keep_broken(self, broken: source.Broken) -> None:
        self.cause, self.detail, self.line = broken.cause, broken.detail[:MESSAGE_CHARS], broken.line
        self.total, self.found = 0, []


class Package(Agent):
    """Adds up what its modules tell."""

    sums: dict[str, Any]

    def add(self, sums: dict[str, Any]) -> None:
        """Count a module in. sums: a `Totals` as a dictionary."""
        total = Totals.of_dict(self.sums)
        total.add(Totals.of_dict(sums))
        self.sums = total.as_dict()

    def totals(self) -> dict[str, Any]:
        """The sum over the modules heard so far: a `Totals` as a dictionary."""
        return Totals.of_dict(self.sums).as_dict()


class Report(Agent):
    """Asks the packages and adds up what they say.

    groups: a `Totals` as a dictionary for each top-level package.
    """

    sums: dict[str, Any]
    groups: dict[str, dict[str, Any]]

    async def gather(self, packages: list[list[Any]], is_last: bool, ctx: Context) -> list[str]:
        """Ask some packages for their sums and count those in that have heard of all their modules.

        packages: [key, group, modules] each.  is_last: count also those that have not.
        Returns the keys of those not counted, to be asked again.
        """
        answers = await asyncio.gather(*(ctx.ask(f"package/{key}", "totals") for key, _group, _modules in packages))
        waiting: list[str] = []
        for (key, group, modules), answer in zip(packages, answers, strict=True):
            if answer["modules"] == modules or is_last:
                self._count(group, Totals.of_dict(answer))
            else:
                waiting.append(key)
        return waiting

    def totals(self) -> dict[str, Any]:
        """The sum over everything: a `Totals` as a dictionary."""
        return Totals.of_dict(self.sums).as_dict()

    def by_group(self) -> dict[str, dict[str, Any]]:
        """The sum over each top-level package."""
        return self.groups

    def _count(self, group: str, more: Totals) -> None:
        total = Totals.of_dict(self.sums)
        total.add(more)
        self.sums = total.as_dict()
        name = group if group in self.groups or len(self.groups) < MOST_GROUPS else OTHERS
        part = Totals.of_dict(self.groups.get(name, {}))
        part.add(more)
        part.complex_functions, part.loud_modules = [], []
        self.groups[name] = part.as_dict()


KINDS = (Module, Package, Report)
