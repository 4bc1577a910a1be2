"""What one audit found and what it took: the facts that every report is written from.

Owns the shape only, and the arithmetic that all reports share. `job` fills it in; the writers in `report` read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from examples.audit.inspection import Finding
from examples.audit.totals import Totals
from examples.audit.tree import Module, Tree

__all__ = ["Broken", "Outcome", "Run", "spoken"]


@dataclass(frozen=True, slots=True)
class Broken:
    """A module that could not be audited, and why."""

    module: Module
    cause: str
    detail: str
    line: int


@dataclass(frozen=True, slots=True)
class Run:
    """What the audit took, each figure counted.

    agents: spawned, by what they are.  worked: of these, those that ran at least one task.
    tasks: that were answered.  seconds: from the first spawn to the last answer.
    memory_bytes: proportional set size of all processes, right after.
    """

    agents: dict[str, int]
    worked: int
    workers: int
    tasks: int
    spawn_s: float
    seconds: float
    memory_bytes: int

    @property
    def spawned(self) -> int:
        """Agents spawned, of all kinds."""
        return sum(self.agents.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a report needs.

    lines: of the audited files of each root, by label.  findings: by index of the tree's module.
    dropped: findings that were counted but not kept, since their module has too many.
    unheard: packages that had not heard of all their modules when the report was made.
    """

    tree: Tree
    totals: Totals
    groups: dict[str, Totals]
    lines: dict[str, int]
    findings: dict[int, list[Finding]]
    broken: list[Broken]
    dropped: int
    unheard: int
    run: Run

    def each_finding(self) -> Iterator[tuple[Module, Finding]]:
        """Every finding with its module, by root, path and line."""
        for index in sorted(self.findings):
            for finding in self.findings[index]:
                yield self.tree.modules[index], finding

    def loudest_groups(self) -> list[tuple[str, Totals]]:
        """The top-level packages, those with the most findings first."""
        return sorted(self.groups.items(), key=lambda item: (-item[1].findings, item[0]))


def spoken(group: str) -> str:
    """A group's name for a reader: `stdlib:top` are the modules right in that folder."""
    label, _colon, is_top = group.partition(":")
    return f"{label}, single modules" if is_top else group
