"""What one file is and what is wrong in it: measures and findings.

Owns the meeting of the rules with a parsed file. It is a pure function of the file's bytes; agents call it, reports
read it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from examples.audit.complexity import Function, complexity
from examples.audit.rules.catalogue import RULES
from examples.audit.rules.rule import Rule
from examples.audit.scopes import Scope
from examples.audit.source import Source
from examples.audit.walk import Visit, walk

__all__ = ["Finding", "Inspection", "inspect"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding. line, column: from 1, the column in characters."""

    line: int
    column: int
    code: str
    message: str


@dataclass(slots=True)
class Inspection:
    """All that is known of one file.

    lines: of the file.  code_lines: those that are neither blank nor a comment alone.
    functions: complexity, line and name of each.  findings: by line.
    """

    lines: int = 0
    code_lines: int = 0
    classes: int = 0
    functions: list[tuple[int, int, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def inspect(source: Source) -> Inspection:
    """Measure a parsed file and hold all rules against it."""
    found = Inspection(len(source.lines), sum(map(_is_code, source.lines)))
    visits: dict[type[ast.AST], list[Visit]] = {}
    for rule in RULES:
        visit = _judge(rule, source, found.findings)
        for kind in rule.nodes:
            visits.setdefault(kind, []).append(visit)
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef):
        visits.setdefault(kind, []).append(_measure(found.functions))
    classes: list[ast.AST] = []
    visits.setdefault(ast.ClassDef, []).append(lambda node, _scope: classes.append(node))
    walk(source.tree, visits)
    found.classes = len(classes)
    found.findings.sort()
    found.functions.sort(key=lambda function: function[1:])
    return found


def _is_code(line: bytes) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith(b"#")


def _judge(rule: Rule, source: Source, findings: list[Finding]) -> Visit:
    check, code = rule.check, rule.code

    def visit(node: ast.AST, scope: Scope) -> None:
        for fault in check(node, scope):
            line = fault.node.lineno
            findings.append(Finding(line, source.column(line, fault.node.col_offset), code, fault.message))

    return visit


def _measure(functions: list[tuple[int, int, str]]) -> Callable[[ast.AST, Scope], None]:
    def visit(node: ast.AST, _scope: Scope) -> None:
        assert isinstance(node, Function)
        functions.append((complexity(node), node.lineno, node.name))

    return visit
