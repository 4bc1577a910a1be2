"""JSON as it is meant: what would be changed in silence is refused.

Owns the reading of tasks, arguments and backlogs. A parser that is only fast takes the last of two equal keys and turns 2**64
into a float; here such a text is an error that says where. Its depth and the texts in it are what the wire can carry.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, NoReturn

import orjson

__all__ = ["INTEGERS", "NotExact", "NotJson", "read"]

#: Integers that fit in 64 bits, signed or not.
INTEGERS = range(-(2**63), 2**64)
_POSITION = re.compile(r"(?: at)?: line \d+ column (\d+) \(char \d+\)$")


class NotJson(ValueError):
    """A text is not JSON. line: where, from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class NotExact(ValueError):
    """A text is JSON that could not be read without a change."""


def read(line: bytes) -> Any:
    """The value of a JSON text.

    Raises NotJson, and NotExact for a key that is there twice, an integer of more than 64 bits and a float out of range.
    """
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        _read_exactly(line)
        raise NotJson(_said(error), error.lineno) from None
    return _read_exactly(line)


def _read_exactly(line: bytes) -> Any:
    try:
        return json.loads(line, parse_int=_integer, parse_float=_float, parse_constant=_constant, object_pairs_hook=_object)
    except NotExact:
        raise
    except RecursionError:
        raise NotExact("it is nested too deep") from None
    except ValueError as error:
        raise NotJson(_said(error), getattr(error, "lineno", 1)) from None


def _said(error: Exception) -> str:
    """A parser's complaint, with the place in words."""
    text = str(error)
    start = text if text[1:2].isupper() else text[:1].lower() + text[1:]
    return _POSITION.sub(r" at character \1", start)


def _integer(text: str) -> int:
    if len(text) > 20 or int(text) not in INTEGERS:
        raise NotExact(f"{text:.30}{'…' if len(text) > 30 else ''} is an integer of more than 64 bits, send it as text")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise NotExact(f"{text:.30} is a number out of range, send it as text")
    return number


def _constant(text: str) -> NoReturn:
    raise NotExact(f"{text} is not in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotExact(f"the key {twice!r:.60} is there twice")
    return made
