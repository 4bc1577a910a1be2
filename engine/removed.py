"""Agents that shall be removed, and what a removal did.

Owns the reading of keys as ranges and names, and the facts; how they are shown is the command line's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pools.address import key_of
from pools.spans import Span, merged

__all__ = ["Leaving", "Removed", "leaving"]


class Leaving(NamedTuple):
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


class Removed(NamedTuple):
    """The outcome of one removal.

    removed: how many agents are gone by it.  missing: how many of those that were named there were not.
    total: agents of the kind now.  seconds: what it took.
    """

    kind: str
    removed: int
    missing: int
    total: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The facts by name."""
        return self._asdict()


def leaving(keys: Leaving | Iterable[int | str] | range) -> Leaving:
    """The agents with these keys; a text of digits stands for its number. Raises BadAddress, TypeError."""
    if isinstance(keys, Leaving):
        return Leaving(merged(keys.ranges), list(dict.fromkeys(keys.names)))
    if isinstance(keys, str):
        raise TypeError(f"keys is a list of numbers and texts, or a range; got the text {keys!r}")
    if isinstance(keys, range) and keys.step == 1:
        return Leaving(merged([(max(keys.start, 0), keys.stop)]), [])
    found = [key_of(key) for key in keys]
    numbers = ((key, key + 1) for key in found if type(key) is int)
    return Leaving(merged(numbers), list(dict.fromkeys(key for key in found if type(key) is str)))
