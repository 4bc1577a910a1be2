"""Rules about comparisons: with None, with literals, and for nothing.

Each follows the rule of the same code in ruff (E711, F632, B015), decision by decision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from examples.audit.rules.rule import Fault, Rule
from examples.audit.scopes import Scope

__all__ = ["IS_LITERAL", "NONE_COMPARISON", "POINTLESS_COMPARISON"]

_DISPLAYS = (ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_value(node: ast.expr) -> bool:
    """A constant that is not one of a kind, as None, True, False and ... are."""
    if isinstance(node, ast.Constant):
        return not (node.value is None or node.value is ... or isinstance(node.value, bool))
    return _is_constant(node)


def _none_comparison(node: ast.Compare, _scope: Scope) -> Iterator[Fault]:
    left: ast.expr = node.left
    for index, (operator, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
        if isinstance(operator, (ast.Eq, ast.NotEq)):
            words = "is None" if isinstance(operator, ast.Eq) else "is not None"
            if index == 0 and _is_none(left) and not _is_value(right):
                yield Fault(left, f"Comparison to None: use `{words}`")
            if _is_none(right) and not _is_value(left):
                yield Fault(right, f"Comparison to None: use `{words}`")
        left = right


def _is_literal(node: ast.Compare, _scope: Scope) -> Iterator[Fault]:
    left: ast.expr = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(operator, (ast.Is, ast.IsNot)) and any(
            _is_value(side) or isinstance(side, _DISPLAYS) for side in (left, right)
        ):
            better = "==" if isinstance(operator, ast.Is) else "!="
            yield Fault(node, f"Identity of a literal: use `{better}`")
        left = right


def _pointless(node: ast.Expr, _scope: Scope) -> Iterator[Fault]:
    if isinstance(node.value, ast.Compare):
        yield Fault(node.value, "The result of this comparison is thrown away")


NONE_COMPARISON = Rule(
    "E711",
    "none-comparison",
    "note",
    "Comparison to None with == or !=",
    "`==` asks the object, which may answer anything; only `is` asks whether it is None.",
    (ast.Compare,),
    _none_comparison,
)
IS_LITERAL = Rule(
    "F632",
    "is-literal",
    "error",
    "Identity comparison with a literal",
    "Whether two equal literals are one object is up to the interpreter, so the answer can change.",
    (ast.Compare,),
    _is_literal,
)
POINTLESS_COMPARISON = Rule(
    "B015",
    "useless-comparison",
    "warning",
    "Comparison whose result is not used",
    "A comparison alone on a line does nothing; an `assert` or an assignment was meant.",
    (ast.Expr,),
    _pointless,
)
