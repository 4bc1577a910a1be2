"""A walk over a syntax tree that knows the scope of each node.

Owns the order and the scopes. It uses a list instead of calls, so that no tree is too deep for it, and it never
enters names and constants, half of all nodes, which no rule looks at by themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from examples.audit.scopes import Scope

__all__ = ["Visit", "walk"]

Visit = Callable[[ast.AST, Scope], None]

#: Fields that hold no nodes, or only operators and contexts.
_PLAIN = frozenset(
    {
        "arg",
        "asname",
        "attr",
        "cls_name",
        "conversion",
        "ctx",
        "id",
        "is_async",
        "kind",
        "kwd_attrs",
        "level",
        "module",
        "name",
        "names",
        "op",
        "ops",
        "rest",
        "simple",
        "tag",
        "type_comment",
        "type_ignores",
    }
)
_LEAVES = frozenset(
    {
        ast.Name,
        ast.Constant,
        ast.MatchSingleton,
        ast.Pass,
        ast.Break,
        ast.Continue,
        ast.Global,
        ast.Nonlocal,
        ast.Import,
    }
)


def walk(tree: ast.Module, visits: Mapping[type[ast.AST], Sequence[Visit]]) -> None:
    """Call what is listed for the type of each node, with the node and its scope, scope by scope."""
    scopes: list[tuple[Scope, list[ast.AST]]] = [(Scope(tree, None), list(tree.body))]
    while scopes:
        scope, waiting = scopes.pop()
        while waiting:
            node = waiting.pop()
            kind = type(node)
            for visit in visits.get(kind, ()):
                visit(node, scope)
            opens = _OPENS.get(kind)
            if opens is None:
                _push_children(node, kind, waiting)
            else:
                outside, inside = opens(node)
                waiting += outside
                scopes.append((Scope(node, scope), inside))


def _push_children(node: ast.AST, kind: type[ast.AST], waiting: list[ast.AST]) -> None:
    for field in _fields(kind):
        value = getattr(node, field, None)
        if type(value) is list:
            waiting += [child for child in value if type(child) not in _LEAVES and child is not None]
        elif value is not None and type(value) not in _LEAVES:
            waiting.append(value)


_CHILD_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a node type in which nodes can be."""
    known = _CHILD_FIELDS.get(kind)
    if known is None:
        names = () if kind in _LEAVES else kind._fields
        known = _CHILD_FIELDS[kind] = tuple(name for name in names if name not in _PLAIN)
    return known


Parts = tuple[list[ast.AST], list[ast.AST]]


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Parts:
    returns = [node.returns] if node.returns else []
    return [node.args, *node.decorator_list, *returns], list(node.body)


def _class(node: ast.ClassDef) -> Parts:
    return [*node.decorator_list, *node.bases, *node.keywords], list(node.body)


def _lambda(node: ast.Lambda) -> Parts:
    return [node.args], [node.body]


def _comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Parts:
    first, *others = node.generators
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    return [first.iter], [*results, first.target, *first.ifs, *others]


#: How the nodes that open a scope are split into what is evaluated outside and inside of it.
_OPENS: dict[type[ast.AST], Callable[..., Parts]] = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
}
