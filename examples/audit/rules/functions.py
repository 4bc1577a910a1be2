"""Rules about functions: too complex, or with a default that all calls share.

Each follows the rule of the same code in ruff (C901, B006), decision by decision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from examples.audit.complexity import Function, complexity
from examples.audit.rules.rule import Fault, Rule
from examples.audit.scopes import Scope

__all__ = ["MOST_COMPLEX", "MUTABLE_DEFAULT", "TOO_COMPLEX"]

#: Decisions of a function above which it is reported: McCabe's own proposal (1976), and the default of the usual tools.
MOST_COMPLEX = 10

_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MAKERS = frozenset({f"builtins.{name}" for name in ("dict", "list", "set")}) | frozenset(
    {f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")}
)
_FIXED = frozenset(
    {f"builtins.{name}" for name in ("bool", "bytes", "complex", "float", "int", "object", "range", "str")}
    | {"collections.abc.Sized", "typing.LiteralString", "typing.Sized"}
)
_FIXED_OF = frozenset(
    {"builtins.frozenset", "builtins.tuple"}
    | {
        f"collections.abc.{name}"
        for name in ("ByteString", "Collection", "Container", "Iterable", "Mapping", "Reversible", "Sequence", "Set")
    }
    | {
        f"typing.{name}"
        for name in (
            "AbstractSet",
            "ByteString",
            "Callable",
            "Collection",
            "Container",
            "FrozenSet",
            "Iterable",
            "Literal",
            "Mapping",
            "Never",
            "NoReturn",
            "Reversible",
            "Sequence",
            "Tuple",
        )
    }
)
_ANNOTATED = frozenset({"typing.Annotated", "typing_extensions.Annotated"})


def _too_complex(node: Function, _scope: Scope) -> Iterator[Fault]:
    found = complexity(node)
    if found > MOST_COMPLEX:
        yield Fault(node, f"`{node.name}` has a complexity of {found}, more than {MOST_COMPLEX}")


def _mutable_default(node: Function, scope: Scope) -> Iterator[Fault]:
    for argument, default in _defaults(node.args):
        if _is_mutable(default, scope) and not (argument.annotation and _is_fixed(argument.annotation, scope)):
            yield Fault(default, f"The default of `{argument.arg}` is made once and shared by all calls")


def _defaults(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    plain = arguments.posonlyargs + arguments.args
    yield from zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield argument, default


def _is_mutable(default: ast.expr, scope: Scope) -> bool:
    if isinstance(default, ast.Call):
        made = default.func.value if isinstance(default.func, ast.Subscript) else default.func
        return scope.qualified(made) in _MAKERS
    return isinstance(default, _DISPLAYS)


def _is_fixed(annotation: ast.expr, scope: Scope) -> bool:
    """Whether the annotation promises that the function does not change the value."""
    if isinstance(annotation, (ast.Name, ast.Attribute)):
        return scope.qualified(annotation) in _FIXED | _FIXED_OF
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _is_fixed(annotation.left, scope) and _is_fixed(annotation.right, scope)
    if isinstance(annotation, ast.Subscript):
        return _is_fixed_of(scope.qualified(annotation.value), annotation.slice, scope)
    return isinstance(annotation, ast.Constant) and annotation.value is None


def _is_fixed_of(origin: str | None, inner: ast.expr, scope: Scope) -> bool:
    members = inner.elts if isinstance(inner, ast.Tuple) else []
    if origin == "typing.Union":
        return isinstance(inner, ast.Tuple) and all(_is_fixed(member, scope) for member in members)
    if origin == "typing.Optional":
        return _is_fixed(inner, scope)
    if origin in _ANNOTATED:
        return bool(members) and _is_fixed(members[0], scope)
    return origin in _FIXED_OF


TOO_COMPLEX = Rule(
    "C901",
    "complex-structure",
    "note",
    f"Function with a complexity above {MOST_COMPLEX}",
    "Each decision doubles what has to be kept in mind, and tested.",
    (ast.FunctionDef, ast.AsyncFunctionDef),
    _too_complex,
)
MUTABLE_DEFAULT = Rule(
    "B006",
    "mutable-argument-default",
    "warning",
    "Mutable default argument",
    "The value is made once; what one call leaves in it, the next one finds.",
    (ast.FunctionDef, ast.AsyncFunctionDef),
    _mutable_default,
)
