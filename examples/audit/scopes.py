"""What a name means at a place: a builtin, something imported, or something else.

Owns the bindings of each scope, found only when a rule asks. It follows the rules of the language, not the values:
the last binding before the place counts, or any binding of an outer scope when the place is in a function that runs
later.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

__all__ = ["Scope"]

#: Where something stands in a file: line and byte offset, in the order of reading.
Place = tuple[int, int]
#: What a name is bound to: a dotted origin for imports, an empty text for everything else, None once it is deleted.
Origin = str | None

_BUILTINS = frozenset(dir(builtins))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scope:
    """A module, class, function, lambda or comprehension, and the scope around it."""

    __slots__ = ("_bindings", "node", "outer")

    def __init__(self, node: ast.AST, outer: Scope | None) -> None:
        self.node = node
        self.outer = outer
        self._bindings: dict[str, list[tuple[Place, Origin]]] | None = None

    def qualified(self, expression: ast.expr) -> str | None:
        """The dotted origin of a name or attribute, such as `collections.OrderedDict`; None where it is not known."""
        tail: list[str] = []
        while isinstance(expression, ast.Attribute):
            tail.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name):
            return None
        head = self._origin(expression.id, (expression.lineno, expression.col_offset))
        return ".".join([head, *reversed(tail)]) if head else None

    def is_builtin(self, expression: ast.expr, *names: str) -> bool:
        """Whether the expression is one of these builtins, written under its own name."""
        written = expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", None)
        return written in names and self.qualified(expression) in {f"builtins.{name}" for name in names}

    def _origin(self, name: str, place: Place) -> Origin:
        scope: Scope | None = self
        runs_later = False
        while scope is not None:
            if scope is self or not isinstance(scope.node, ast.ClassDef):
                found = [origin for at, origin in scope._bound().get(name, ()) if runs_later or at < place]
                if found:
                    return found[-1]
            runs_later = runs_later or isinstance(scope.node, (*_FUNCTIONS, ast.Lambda))
            scope = scope.outer
        return f"builtins.{name}" if name in _BUILTINS else None

    def _bound(self) -> dict[str, list[tuple[Place, Origin]]]:
        if self._bindings is None:
            found: dict[str, list[tuple[Place, Origin]]] = {}
            for name, place, origin in sorted(_bindings(self.node), key=lambda binding: binding[1]):
                found.setdefault(name, []).append((place, origin))
            self._bindings = found
        return self._bindings


def _bindings(owner: ast.AST) -> Iterator[tuple[str, Place, Origin]]:
    """Every binding that the scope of a node holds itself."""
    waiting: list[tuple[ast.AST, Place | None]] = [(node, None) for node in _body(owner)]
    if isinstance(owner, (*_FUNCTIONS, ast.Lambda)):
        for argument in _arguments(owner.args):
            yield argument.arg, (0, 0), ""
    while waiting:
        node, after = waiting.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                yield node.id, after or _start(node), None if isinstance(node.ctx, ast.Del) else ""
            continue
        yield from _declared(node)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            after = _end(node)
        if isinstance(node, ast.AnnAssign) and node.value is None:
            continue
        waiting += [(child, after) for child in _own_children(node)]


def _body(owner: ast.AST) -> list[ast.AST]:
    if isinstance(owner, ast.Lambda):
        return [owner.body]
    if isinstance(owner, _COMPREHENSIONS):
        return [generator.target for generator in owner.generators]
    return list(getattr(owner, "body", ()))


def _declared(node: ast.AST) -> Iterator[tuple[str, Place, Origin]]:
    """The names that a statement or a pattern binds other than through a `Name`."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((name, _start(node), origin) for name, origin in _imported(node))
    elif isinstance(node, _FUNCTIONS):
        yield node.name, _start(node.body[0]), ""
    elif isinstance(node, ast.ClassDef):
        yield node.name, _end(node), ""
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from ((name, _start(node), "") for name in node.names)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name, _start(node), ""
        yield node.name, _end(node), None
    elif captured := _captured(node):
        yield captured, _start(node), ""


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The names that an import binds, with their origins; what comes from the package itself has none that is known."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, "" if node.level else f"{node.module}.{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name
        else:
            first = alias.name.partition(".")[0]
            yield first, first


def _captured(node: ast.AST) -> str | None:
    if isinstance(node, (ast.MatchAs, ast.MatchStar)):
        return node.name
    return node.rest if isinstance(node, ast.MatchMapping) else None


def _own_children(node: ast.AST) -> Iterator[ast.AST]:
    """The children of a node that belong to the same scope."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)):
        return iter(())
    return ast.iter_child_nodes(node)


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    plain = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
    return plain + [extra for extra in (arguments.vararg, arguments.kwarg) if extra]


def _start(node: ast.AST) -> Place:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _end(node: ast.AST) -> Place:
    return node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
