"""A field of an agent class, read once: what it may hold, how it is kept and taken back.

Owns the closed list of field types. Above it stands `kind`, which handles all fields of a class together.
"""

from __future__ import annotations

import base64
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from pools import values
from pools.errors import BadField, BadReply
from pools.log import Log
from pools.table import Table
from pools.types import type_of

__all__ = ["Field", "read_field"]

_SCALAR_DEFAULTS: dict[Any, Any] = {int: 0, float: 0.0, bool: False, str: "", bytes: b""}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the state.

    fresh: makes the first value.  is_scalar: no value of it can change in place.  is_fixed: its size is bounded by its type.
    exact: the one Python type of its values, where there is one.
    save: the value as JSON bytes, raises ValueError with the reason.  load: the value
    of such JSON, decoded and owned by nobody else.
    """

    name: str
    text: str
    fresh: Callable[[], Any]
    is_scalar: bool
    is_fixed: bool
    exact: type | None
    save: Callable[[Any], bytes]
    load: Callable[[Any], Any]


def _save(accepts: Callable[[Any], bool], text: str) -> Callable[[Any], bytes]:
    def save(value: Any) -> bytes:
        if not accepts(value):
            raise ValueError(f"must be {text}, is {type(value).__name__}")
        wrong = values.fault(value, tuples=False)
        if wrong is not None:
            raise ValueError(wrong)
        return bytes(memoryview(values.dumps(value)))

    return save


def _save_log(value: Any) -> bytes:
    if type(value) is not Log:
        raise ValueError(f"must stay the Log it was, is {type(value).__name__}")
    return values.dumps(list(value))


def _load_log(value: Any) -> Log[Any]:
    if type(value) is not list:
        raise ValueError(f"must be a list to become a Log, is {type(value).__name__}")
    return Log(value)


def _save_table(value: Any) -> bytes:
    if type(value) is not Table:
        raise ValueError(f"must stay the Table it was, is {type(value).__name__}")
    return value.saved()


def _load_table(value: Any) -> Table[Any]:
    if type(value) is not dict:
        raise ValueError(f"must be an object to become a Table, is {type(value).__name__}")
    return Table(value)


def _load_bytes(value: Any) -> bytes:
    if type(value) is not str:
        raise ValueError(f"must be text in base64 to become bytes, is {type(value).__name__}")
    return base64.b64decode(value, validate=True)


def _save_bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise ValueError(f"must be bytes, is {type(value).__name__}")
    return b'"' + base64.b64encode(value) + b'"'


def _itself(value: Any) -> Any:
    return value


def read_field(owner: str, name: str, annotation: Any, default: Any, has_default: bool) -> Field:
    """The field that an annotation declares. Raises BadField, naming what may stand there."""
    if typing.get_origin(annotation) is Log or annotation is Log:
        items = _first_items(owner, name, default) if has_default else []
        return Field(name, "Log", lambda: Log(items), False, False, Log, _save_log, _load_log)
    if typing.get_origin(annotation) is Table or annotation is Table:
        entries = _first_entries(owner, name, default) if has_default else {}
        return Field(name, "Table", lambda: Table(entries), False, False, Table, _save_table, _load_table)
    if annotation is bytes:
        return _bytes_field(owner, name, default, has_default)
    kind = type_of(annotation)
    if kind is None:
        raise BadField(
            f"{owner}.{name}: {annotation!r} cannot be kept; use int, float, bool, str, bytes, None, Any, list[...], "
            "dict[str, ...], Literal[...], a union of these, or Log[...], Table[...]"
        )
    first = default if has_default else _default_of(owner, name, annotation, kind.accepts)
    save = _save(kind.accepts, kind.text)
    try:
        saved = save(first)
    except ValueError as error:
        raise BadField(f"{owner}.{name}: its default {error}") from error
    fresh = (lambda: first) if kind.is_scalar or type(first) in values.PLAIN else (lambda: orjson.loads(saved))
    is_fixed = kind.exact in (int, float, bool, type(None))
    return Field(name, kind.text, fresh, kind.is_scalar, is_fixed, kind.exact, save, _itself)


def _first_items(owner: str, name: str, default: Any) -> list[Any]:
    try:
        return list(Log(default))
    except (TypeError, BadReply) as error:
        raise BadField(f"{owner}.{name}: its default must be a list of JSON values: {error}") from error


def _first_entries(owner: str, name: str, default: Any) -> dict[str, Any]:
    try:
        return dict(Table(default))
    except (TypeError, ValueError, BadReply) as error:
        raise BadField(f"{owner}.{name}: its default must be an object of JSON values by name: {error}") from error


def _bytes_field(owner: str, name: str, default: Any, has_default: bool) -> Field:
    first = default if has_default else b""
    if type(first) is not bytes:
        raise BadField(f"{owner}.{name}: its default must be bytes, is {type(first).__name__}")
    return Field(name, "bytes", lambda: first, True, False, bytes, _save_bytes, _load_bytes)


def _default_of(owner: str, name: str, annotation: Any, accepts: Callable[[Any], bool]) -> Any:
    """The first value of a field without a default: what is empty of its type."""
    if annotation in _SCALAR_DEFAULTS if isinstance(annotation, type) else False:
        return _SCALAR_DEFAULTS[annotation]
    empties: tuple[Any, ...] = (None, [], {})
    for empty in empties:
        if accepts(empty):
            return empty
    raise BadField(f"{owner}.{name}: give it a default, there is no empty value of {annotation!r}")
