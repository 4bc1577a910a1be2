"""What may travel as JSON, and come back as it was.

Owns the one rule for values on the wire and in state. orjson alone would change some of them in silence: it writes NaN
as null, turns dates and dataclasses into text and reads 2**64 as a float. Such a value is refused here, by name.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import orjson

__all__ = ["PLAIN", "SMALL", "dumps", "fault"]

#: Types that are safe by themselves: no NaN, nothing inside.
PLAIN = frozenset({int, str, bool, type(None)})
#: Integers between these two survive every JSON reader of 64 bits.
SMALL = (-(2**63), 2**64 - 1)
#: Levels of lists and objects inside each other that are read back: half of orjson's own limit.
DEPTH = 500

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def dumps(value: Any) -> bytes:
    """The value as JSON. Raises TypeError for what JSON has no form for (NaN is found by `fault`, not here)."""
    return orjson.dumps(value, option=_OPTIONS)


def _number_fault(value: Any, at: str) -> str | None:
    if type(value) is float:
        return None if isfinite(value) else f"{at} is {value}, which JSON cannot say"
    if SMALL[0] <= value <= SMALL[1]:
        return None
    return f"{at} is an integer of more than 64 bits, send it as text"


def _text_fault(value: str, at: str) -> str | None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return f"{at} is a text with half a character in it (a lone surrogate)"
    return None


def fault(value: Any, at: str = "the value", depth: int = 0) -> str | None:
    """Why the value cannot travel, naming the place in it; None when it can.

    at: what the value is called in the answer.
    """
    kind = type(value)
    if kind is int or kind is float:
        return _number_fault(value, at)
    if kind is str:
        return _text_fault(value, at)
    if value is None or kind is bool:
        return None
    if depth >= DEPTH:
        return f"{at} is nested deeper than {DEPTH} levels"
    if kind is list or kind is tuple:
        return _first(fault(item, f"{at}[{index}]", depth + 1) for index, item in enumerate(value))
    if kind is dict:
        for name in value:
            if type(name) is not str:
                return f"{at} has a key of type {type(name).__name__}, use text"
        return _first(_text_fault(name, at) or fault(item, f"{at}.{name}", depth + 1) for name, item in value.items())
    return f"{at} is of type {kind.__module__}.{kind.__qualname__}, which JSON has no form for"


def _first(faults: Any) -> str | None:
    return next((found for found in faults if found is not None), None)
