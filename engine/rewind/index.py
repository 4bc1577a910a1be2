"""Which instants there are, and where each one is written.

Owns the order in time, the gaps and nothing of files. Where a clock was set back, what was recorded under instants that came
again is not found any more: the later truth counts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from engine.rewind.spec import GAP_MS, RANGES

__all__ = ["Index", "Place", "Range"]


class Place(NamedTuple):
    """Where a document is. file: its number.  base: where the whole document before it begins, end: where it ends."""

    time_ms: int
    file: int
    base: int
    offset: int
    end: int


class Range(NamedTuple):
    """Instants without a gap between them."""

    first_ms: int
    last_ms: int
    instants: int


class Index:
    """Instants in milliseconds since 1970, each one once, in 28 bytes."""

    def __init__(self) -> None:
        self.times_ms = array("q")
        self._places = tuple(array("Q" if name == "file" else "I") for name in Place._fields[1:])
        self._begins: list[int] = []

    def __len__(self) -> int:
        return len(self.times_ms)

    def add(self, place: Place) -> None:
        """The newest recording. What there is of its instant and later ones is forgotten."""
        times = self.times_ms
        if times and place.time_ms <= times[-1]:
            at = bisect_left(times, place.time_ms)
            del times[at:]
            for column in self._places:
                del column[at:]
            del self._begins[bisect_left(self._begins, place.time_ms) :]
        if not times or place.time_ms - times[-1] > GAP_MS:
            self._begins.append(place.time_ms)
        times.append(place.time_ms)
        for column, value in zip(self._places, place[1:], strict=True):
            column.append(value)

    def forget(self, file: int) -> None:
        """Forget the oldest file, and those before it."""
        at = bisect_right(self._places[0], file)
        del self.times_ms[:at]
        for column in self._places:
            del column[:at]
        del self._begins[: bisect_right(self._begins, self.times_ms[0]) if self.times_ms else len(self._begins)]
        if self.times_ms:
            self._begins.insert(0, self.times_ms[0])

    def before(self, time_ms: int) -> int:
        """The position of the last instant that is not after this one; -1 where there is none."""
        return bisect_right(self.times_ms, time_ms) - 1

    def place(self, at: int) -> Place:
        """The place of the instant at a position."""
        return Place(self.times_ms[at], *(column[at] for column in self._places))

    def ranges(self, since_ms: int, until_ms: int) -> list[Range]:
        """The ranges of what there is between two instants, both included; the newest RANGES of them."""
        times = self.times_ms
        first, last = bisect_left(times, since_ms), bisect_right(times, until_ms)
        if first == last:
            return []
        inside = self._begins[bisect_right(self._begins, times[first]) : bisect_right(self._begins, times[last - 1])]
        begins = [first, *(bisect_left(times, begin) for begin in inside)][-RANGES:]
        return [
            Range(times[begin], times[end - 1], end - begin) for begin, end in zip(begins, [*begins[1:], last], strict=True)
        ]
