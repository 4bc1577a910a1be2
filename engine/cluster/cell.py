"""One field of a record: what it may be, and what is said where it is something else.

Owns the error, and the limits that texts and numbers have whatever they are of. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from engine.paths import valid_name
from pools import values
from pools.address import valid_kind
from pools.errors import BadFrame

__all__ = ["BadRecord", "claim", "each", "kind", "name", "packed", "path", "text", "time", "valid_id", "whole", "word"]

#: Characters of every text that is not a value, and of a path.
TEXT_CHARS, PATH_CHARS = 2_000, 4_096
#: Characters of an id, and those that it may have: it is a part of a subject.
ID_CHARS, ID_ALPHABET = 64, frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
#: Whole numbers in records are below this: what every JSON reader keeps exactly.
WHOLE = 2**53
#: The latest time that a record may tell, in seconds since 1970: the end of the year 9999.
LATEST_S = 253_402_300_799.0
#: What a list is: as it arrives, and as it is kept.
LISTS = (list, tuple)


class BadRecord(BadFrame):
    """What arrived is no record of the kind that was expected; the message says which field is wrong."""


def valid_id(text: Any) -> str:
    """The text itself, if it can name an envelope or its sender: a part of a subject. Raises BadRecord."""
    if type(text) is str and 0 < len(text) <= ID_CHARS and ID_ALPHABET.issuperset(text):
        return text
    raise BadRecord(f"an id is 1 to {ID_CHARS} of a-z, A-Z, 0-9, - and _, got {text!r:.80}")


def whole(value: Any) -> int:
    """A whole number from 0. Raises BadRecord."""
    if type(value) is not int or not 0 <= value < WHOLE:
        raise BadRecord(f"a whole number from 0 is expected, got {value!r:.40}")
    return value


def name(value: Any) -> str:
    """A name, as engines and nodes have. Raises BadRecord."""
    if type(value) is not str:
        raise BadRecord(f"a name is expected, got {value!r:.40}")
    from engine.errors import ConfigError

    try:
        return valid_name(value)
    except ConfigError as error:
        raise BadRecord(str(error)) from error


def kind(value: Any) -> str:
    """A kind of agents. Raises BadRecord."""
    from pools.errors import BadAddress

    if type(value) is not str:
        raise BadRecord(f"a kind is a text, got {value!r:.40}")
    try:
        return valid_kind(value)
    except BadAddress as error:
        raise BadRecord(str(error)) from error


def text(value: Any) -> str:
    """A text of up to TEXT_CHARS characters. Raises BadRecord."""
    if type(value) is not str or len(value) > TEXT_CHARS or values.fault(value):
        raise BadRecord(f"a text of up to {TEXT_CHARS:,} characters is expected, got {value!r:.40}")
    return value


def packed(value: Any) -> str:
    """Data that was made a text. Raises BadRecord."""
    if type(value) is not str or not value.isascii():
        raise BadRecord(f"packed data is expected, got {value!r:.40}")
    return value


def word(words: tuple[str, ...]) -> Callable[[Any], str]:
    """What takes one of some words, or raises BadRecord."""

    def read(value: Any) -> str:
        if value not in words:
            raise BadRecord(f"{' or '.join(words)} is expected, got {value!r:.40}")
        return str(value)

    return read


def claim(value: Any) -> bool:
    """True or false. Raises BadRecord."""
    if type(value) is not bool:
        raise BadRecord(f"true or false is expected, got {value!r:.40}")
    return value


def time(value: Any) -> float:
    """Seconds since 1970. Raises BadRecord."""
    if type(value) not in (int, float) or not isfinite(value) or not 0 <= value <= LATEST_S:
        raise BadRecord(f"seconds since 1970 are expected, got {value!r:.40}")
    return float(value)


def each(read: Callable[[Any], Any], most: int, least: int = 0) -> Callable[[Any], tuple[Any, ...]]:
    """What takes a list of `least` to `most` of something, or raises BadRecord."""

    def all_of(value: Any) -> tuple[Any, ...]:
        if type(value) not in LISTS or not least <= len(value) <= most:
            raise BadRecord(f"a list of {least} to {most:,} is expected, got {value!r:.40}")
        return tuple(map(read, value))

    return all_of


def path(value: Any) -> str:
    """A path. Raises BadRecord."""
    if type(value) is not str or len(value) > PATH_CHARS or values.fault(value):
        raise BadRecord(f"a path is expected, got {value!r:.40}")
    return value
