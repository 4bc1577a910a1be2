"""Rules about code that is made at run time, or of which nobody knows the names.

Each follows the rule of the same code in ruff (S102, S307, F403), decision by decision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from examples.audit.rules.rule import Fault, Rule
from examples.audit.scopes import Scope

__all__ = ["EVAL_USED", "EXEC_USED", "STAR_IMPORT"]


def _exec_used(node: ast.Call, scope: Scope) -> Iterator[Fault]:
    if scope.is_builtin(node.func, "exec"):
        yield Fault(node.func, "`exec` runs whatever the text says")


def _eval_used(node: ast.Call, scope: Scope) -> Iterator[Fault]:
    if scope.is_builtin(node.func, "eval"):
        yield Fault(node, "`eval` runs whatever the text says; `ast.literal_eval` reads values only")


def _star_import(node: ast.ImportFrom, _scope: Scope) -> Iterator[Fault]:
    for alias in node.names:
        if alias.name == "*" and node.module != "__future__":
            yield Fault(node, f"All names of `{'.' * node.level}{node.module or ''}` are imported, and nobody can see which")


EXEC_USED = Rule(
    "S102",
    "exec-builtin",
    "error",
    "Use of exec",
    "Text from elsewhere becomes code with all rights of the program.",
    (ast.Call,),
    _exec_used,
)
EVAL_USED = Rule(
    "S307",
    "suspicious-eval-usage",
    "error",
    "Use of eval",
    "Text from elsewhere becomes code with all rights of the program.",
    (ast.Call,),
    _eval_used,
)
STAR_IMPORT = Rule(
    "F403",
    "undefined-local-with-import-star",
    "note",
    "Import of all names",
    "Neither a reader nor a tool can tell where a name comes from, and a new one in that module may hide one of yours.",
    (ast.ImportFrom,),
    _star_import,
)
