"""What a rule is: a code, the words for it, and a check of one kind of node.

Owns the shape only. A check gets a node and its scope and returns what is wrong there; it keeps nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from examples.audit.scopes import Scope

__all__ = ["Check", "Fault", "Rule"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. node: where it stands.  message: in one sentence without a full stop."""

    node: ast.expr | ast.stmt | ast.ExceptHandler
    message: str


Check = Callable[[Any, Scope], Iterable[Fault]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    code, name: those of the same rule in ruff.  nodes: what it looks at. level: `error`, `warning` or `note`, as
    SARIF has them.  title: the rule in few words.  why: what goes wrong where it is broken.
    """

    code: str
    name: str
    level: str
    title: str
    why: str
    nodes: tuple[type[ast.AST], ...]
    check: Check
