"""Sums over modules: what a module tells its package, a package the report, and the report the reader.

Owns the adding up. All three are the same shape, so that a sum over packages is a sum over modules. Plain data in and
out: an agent's state and a message hold the dictionary form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from examples.audit.inspection import Inspection
from examples.audit.rules.functions import MOST_COMPLEX

__all__ = ["Totals"]

#: Entries of each list of the most: what one table of a report shows.
TOP = 15


@dataclass(slots=True)
class Totals:
    """Counts of some modules.

    modules: all that were tried.  broken: how many could not be audited, by cause.  decisions: the sum of all
    complexities. rules: findings by code.  complex_functions: [complexity, file, line, name], the most complex first.
    loud_modules: [findings, file], the most first.
    """

    modules: int = 0
    lines: int = 0
    code_lines: int = 0
    functions: int = 0
    classes: int = 0
    decisions: int = 0
    most_complex: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    complex_functions: list[list[Any]] = field(default_factory=list)
    loud_modules: list[list[Any]] = field(default_factory=list)

    @property
    def findings(self) -> int:
        """Findings of all rules."""
        return sum(self.rules.values())

    @property
    def audited(self) -> int:
        """Modules that could be audited."""
        return self.modules - sum(self.broken.values())

    @property
    def mean_complexity(self) -> float:
        """Mean complexity of a function, 0.0 without any."""
        return self.decisions / self.functions if self.functions else 0.0

    @property
    def density(self) -> float:
        """Findings in 1,000 lines of code."""
        return 1_000 * self.findings / self.code_lines if self.code_lines else 0.0

    def add(self, other: Totals) -> None:
        """Count the modules of another sum in."""
        self.modules += other.modules
        self.lines += other.lines
        self.code_lines += other.code_lines
        self.functions += other.functions
        self.classes += other.classes
        self.decisions += other.decisions
        self.most_complex = max(self.most_complex, other.most_complex)
        self.broken = _added(self.broken, other.broken)
        self.rules = _added(self.rules, other.rules)
        self.complex_functions = _top(self.complex_functions + other.complex_functions)
        self.loud_modules = _top(self.loud_modules + other.loud_modules)

    def as_dict(self) -> dict[str, Any]:
        """The sum as JSON values."""
        return asdict(self)

    @classmethod
    def of_dict(cls, given: dict[str, Any]) -> Totals:
        """The sum that `as_dict` gave; an empty dictionary is an empty sum."""
        return cls(**given)

    @classmethod
    def of_module(cls, found: Inspection, file: str) -> Totals:
        """The sum over one audited module. file: how reports call it."""
        rules: dict[str, int] = {}
        for finding in found.findings:
            rules[finding.code] = rules.get(finding.code, 0) + 1
        complexities = [complexity for complexity, _line, _name in found.functions]
        return cls(
            modules=1,
            lines=found.lines,
            code_lines=found.code_lines,
            functions=len(complexities),
            classes=found.classes,
            decisions=sum(complexities),
            most_complex=max(complexities, default=0),
            rules=dict(sorted(rules.items())),
            complex_functions=_top([c, file, line, name] for c, line, name in found.functions if c > MOST_COMPLEX),
            loud_modules=[[len(found.findings), file]] if found.findings else [],
        )

    @classmethod
    def of_broken(cls, cause: str) -> Totals:
        """The sum over one module that could not be audited. cause: one of `Broken`'s, or `agent-failed`."""
        return cls(modules=1, broken={cause: 1})


def _added(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    return {name: left.get(name, 0) + right.get(name, 0) for name in sorted(left.keys() | right.keys())}


def _top(rows: Iterable[list[Any]]) -> list[list[Any]]:
    """The largest rows, equal ones in the order of their names: the same whatever came first."""
    return sorted(rows, key=lambda row: (-row[0], row[1:]))[:TOP]
