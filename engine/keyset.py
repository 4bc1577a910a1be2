"""Agents of one kind, named by their keys: numbers as ranges, the others by name.

Owns the reading of what a caller gives as keys. Which of them exist is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pools.address import key_of, names_in
from pools.spans import Span, merged

__all__ = ["RANGES", "KeySet", "keyset", "spawnable"]

#: Ranges and names of one request at most: with them it goes into a frame, and into one record.
RANGES = 100_000


class KeySet(NamedTuple):
    """Agents of one kind. ranges: of numbers, sorted, that do not touch.  names: each once."""

    ranges: list[Span]
    names: list[str]

    @property
    def total(self) -> int:
        """How many they are."""
        return sum(span.stop - span.start for span in self.ranges) + len(self.names)

    def as_dict(self) -> dict[str, Any]:
        """The agents as they are named in a request."""
        return {"ranges": [list(span) for span in self.ranges], "names": self.names}


def keyset(keys: KeySet | Iterable[int | str] | range) -> KeySet:
    """The agents with these keys; a text of digits stands for its number. Raises BadAddress, TypeError."""
    if isinstance(keys, KeySet):
        return KeySet(merged(keys.ranges), list(dict.fromkeys(keys.names)))
    if isinstance(keys, str):
        raise TypeError(f"keys is a list of numbers and texts, or a range; got the text {keys!r}")
    if isinstance(keys, range) and keys.step == 1:
        return KeySet(merged([(max(keys.start, 0), keys.stop)]), [])
    found = [key_of(key) for key in keys]
    numbers = ((key, key + 1) for key in found if type(key) is int)
    return KeySet(merged(numbers), list(dict.fromkeys(key for key in found if type(key) is str)))


def spawnable(keys: KeySet | Iterable[int | str] | range) -> KeySet:
    """The same for agents that are to be made: a number is given as one, never as its digits.

    Raises BadAddress, TypeError, ValueError for more than RANGES ranges.
    """
    if not isinstance(keys, KeySet | range | str):
        keys = list(keys)
        names_in([key for key in keys if not isinstance(key, int)])
    found = keyset(keys)
    names_in(found.names)
    if len(found.ranges) > RANGES:
        raise ValueError(f"{len(found.ranges):,} ranges at once, at most are {RANGES:,}; spawn them in parts")
    return found
