"""Cyclomatic complexity of a function: one more than its decisions.

Owns the counting, by the convention of ruff's C901, so that the two can be compared to the last function. The
packages mccabe and radon count otherwise: mccabe sees one path through any `match` or `except*`, radon counts boolean
operators too.
"""

from __future__ import annotations

import ast

__all__ = ["complexity"]

Function = ast.FunctionDef | ast.AsyncFunctionDef

_CHOICES = (ast.If, ast.For, ast.AsyncFor, ast.While)
_TRIES = (ast.Try, ast.TryStar)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (ast.With, ast.AsyncWith, ast.ClassDef)


def complexity(function: Function) -> int:
    """One for the function, one for each branch, loop, handler, case, `else` of a try, and function inside it."""
    total = 1
    waiting: list[ast.stmt] = list(function.body)
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, _CHOICES):
            total += 1
            waiting += statement.body + statement.orelse
        elif isinstance(statement, _TRIES):
            total += len(statement.handlers) + bool(statement.orelse)
            waiting += statement.body + statement.orelse + statement.finalbody
            for handler in statement.handlers:
                waiting += handler.body
        elif isinstance(statement, _FUNCTIONS):
            total += 1
            waiting += statement.body
        elif isinstance(statement, _BLOCKS):
            waiting += statement.body
        elif isinstance(statement, ast.Match):
            total += _cases(statement)
            for case in statement.cases:
                waiting += case.body
    return total


def _cases(match: ast.Match) -> int:
    """A decision for each case, none for a last one that takes everything."""
    last = match.cases[-1]
    return len(match.cases) - (last.guard is None and _takes_all(last.pattern))


def _takes_all(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _takes_all(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(map(_takes_all, pattern.patterns))
