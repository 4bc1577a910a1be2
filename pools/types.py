"""The closed list of types that fields and parameters may have, and how a value is checked against one.

Owns the reading of annotations. It knows nothing of agents: `fields` and `method` use it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["ANY", "Type", "type_of"]

Check = Callable[[Any], bool]

#: Types whose values cannot change in place.
SCALARS: dict[Any, str] = {int: "int", float: "float", bool: "bool", str: "str", type(None): "None"}


@dataclass(frozen=True, slots=True)
class Type:
    """One annotation, read.

    text: as the user would write it.  accepts: whether a value fits.  exact: the one Python type whose every instance
    fits, where there is one.  is_scalar: no value of it can change in place.
    """

    text: str
    accepts: Check
    exact: type | None = None
    is_scalar: bool = False


def _anything(_value: Any) -> bool:
    return True


ANY = Type("any JSON value", _anything)


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_float(value: Any) -> bool:
    return type(value) is float or type(value) is int


def _exactly(kind: type) -> Check:
    return lambda value: type(value) is kind


def _scalar(kind: type) -> Type:
    check = {int: _is_int, float: _is_float}.get(kind) or _exactly(kind)
    return Type(SCALARS[kind], check, exact=kind, is_scalar=True)


def _list(item: Type) -> Type:
    accepts = item.accepts
    return Type(f"list[{item.text}]", lambda value: type(value) is list and all(map(accepts, value)))


def _dict(item: Type) -> Type:
    accepts = item.accepts
    return Type(
        f"dict[str, {item.text}]",
        lambda value: type(value) is dict and all(map(accepts, value.values())) and all(type(k) is str for k in value),
    )


def _union(members: list[Type]) -> Type:
    checks = [member.accepts for member in members]
    return Type(
        " | ".join(member.text for member in members),
        lambda value: any(check(value) for check in checks),
        is_scalar=all(member.is_scalar for member in members),
    )


def _literal(values: tuple[Any, ...]) -> Type:
    allowed = [(type(value), value) for value in values]
    return Type("one of " + ", ".join(map(repr, values)), lambda value: (type(value), value) in allowed, is_scalar=True)


def type_of(annotation: Any) -> Type | None:
    """The type that an annotation names, None where it is not on the list.

    The list: int, float (an int fits), bool, str, None, Any, list[...], dict[str, ...], Literal[...], and unions of these.
    """
    if annotation is Any or annotation is object:
        return ANY
    if annotation is None:
        return _scalar(type(None))
    if annotation in SCALARS if isinstance(annotation, type) else False:
        return _scalar(annotation)
    if annotation is list:
        return _list(ANY)
    if annotation is dict:
        return _dict(ANY)
    return _generic(typing.get_origin(annotation), typing.get_args(annotation))


def _generic(origin: Any, arguments: tuple[Any, ...]) -> Type | None:
    if origin is typing.Literal:
        return _literal(arguments) if all(type(value) in SCALARS for value in arguments) else None
    members = [type_of(argument) for argument in arguments]
    known = [member for member in members if member is not None]
    if len(known) != len(members):
        return None
    if origin is list:
        return _list(known[0])
    if origin is dict:
        return _dict(known[1]) if arguments[0] is str else None
    if origin is typing.Union or origin is types.UnionType:
        return _union(known)
    return None
