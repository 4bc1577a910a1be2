"""What may travel as JSON, and come back as it was.

Owns the one rule for values on the wire and in state. orjson alone would change some of them in silence: it writes NaN
as null, turns dates and dataclasses into text and reads 2**64 as a float. Such a value is refused here, by name.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import orjson

__all__ = ["PLAIN", "SCALAR", "SMALL", "copied", "dumps", "fault"]

#: Types that are safe by themselves: no NaN, nothing inside.
PLAIN = frozenset({int, str, bool, type(None)})
#: Types with nothing inside.
SCALAR = PLAIN | {float}
#: Integers between these two survive every JSON reader of 64 bits.
SMALL = (-(2**63), 2**64 - 1)
#: Levels of lists and objects inside each other: orjson writes 254, and a frame has some of its own around a value.
DEPTH = 210
#: Values inside one value: past it a frame would be too large in any case.
VALUES = 4_000_000

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def dumps(value: Any) -> bytes:
    """The value as JSON. Raises TypeError for what JSON has no form for (NaN is found by `fault`, not here)."""
    return orjson.dumps(value, option=_OPTIONS)


def copied(value: Any) -> Any:
    """The value as it arrives elsewhere: nothing of it is shared with what it was made from."""
    return value if type(value) in SCALAR else orjson.loads(dumps(value))


def fault(value: Any, at: str = "the value", *, tuples: bool = True) -> str | None:
    """Why the value cannot travel, naming the place in it; None when it can.

    at: what the value is called in the answer.  tuples: whether a tuple may stand for a list.
    """
    level: list[tuple[Any, str]] = [(value, at)]
    count = 0
    for _ in range(DEPTH + 1):
        inner: list[tuple[Any, str]] = []
        for item, place in level:
            kind = type(item)
            if kind is list or (kind is tuple and tuples):
                inner += [(part, f"{place}[{index}]") for index, part in enumerate(item)]
            elif kind is dict:
                for name, part in item.items():
                    wrong = _name_fault(name, place)
                    if wrong is not None:
                        return wrong
                    inner.append((part, f"{place}.{name}"))
            else:
                wrong = _plain_fault(item, place)
                if wrong is not None:
                    return wrong
            if count + len(inner) > VALUES:
                return f"{at} has more than {VALUES:,} values in it"
        if not inner:
            return None
        count += len(inner)
        level = inner
    return f"{at} is nested deeper than {DEPTH} levels"


def _plain_fault(value: Any, at: str) -> str | None:
    """Why something that is no list and no object cannot travel."""
    kind = type(value)
    if kind is int:
        return None if SMALL[0] <= value <= SMALL[1] else f"{at} is an integer of more than 64 bits, send it as text"
    if kind is float:
        return None if isfinite(value) else f"{at} is {value}, which JSON cannot say"
    if kind is str:
        return None if value.isascii() or _is_whole(value) else f"{at} is a text with half a character (a lone surrogate)"
    if value is None or kind is bool:
        return None
    if kind is tuple:
        return f"{at} is a tuple, which JSON would give back as a list; use a list"
    return f"{at} is of type {kind.__module__}.{kind.__qualname__}, which JSON has no form for"


def _name_fault(name: Any, at: str) -> str | None:
    if type(name) is not str:
        return f"{at} has a key of type {type(name).__name__}, use text"
    return None if name.isascii() or _is_whole(name) else f"{at} has a key with half a character (a lone surrogate)"


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
