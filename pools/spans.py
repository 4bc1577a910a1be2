"""Numbers in ranges, with holes where some were taken out.

Owns the cutting and the search for what is free. Pure: sorted lists in, pieces out; what a range stands for is its holder's
business.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

__all__ = ["Part", "Ranged", "Span", "cut", "free", "merged", "missing"]


class Ranged(Protocol):
    """What has a start and a stop."""

    @property
    def start(self) -> int:
        """The first number."""

    @property
    def stop(self) -> int:
        """The number after the last."""


class Span(NamedTuple):
    """The numbers start to stop - 1."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a spawned range: the agents start to stop - 1 live in one pool."""

    pool: int
    start: int
    stop: int

    def piece(self, start: int, stop: int) -> Part:
        """A part of it."""
        return Part(self.pool, start, stop)


_Piece = TypeVar("_Piece", bound=Ranged)


def cut(
    starts: list[int], spans: list[_Piece], start: int, stop: int, piece: Callable[[_Piece, int, int], _Piece]
) -> list[_Piece]:
    """Take the numbers start to stop - 1 out of sorted spans; returns what there was of them, as spans.

    starts: of each span.  piece: makes a part of a span.
    """
    low = max(bisect_right(starts, start) - 1, 0)
    high = bisect_left(starts, stop)
    left: list[_Piece] = []
    taken: list[_Piece] = []
    for span in spans[low:high]:
        first, last = max(span.start, start), min(span.stop, stop)
        if first >= last:
            left.append(span)
            continue
        taken.append(piece(span, first, last))
        if span.start < first:
            left.append(piece(span, span.start, first))
        if last < span.stop:
            left.append(piece(span, last, span.stop))
    spans[low:high] = left
    starts[low:high] = [span.start for span in left]
    return taken


def free(spans: Sequence[Ranged], count: int) -> list[Span]:
    """The lowest numbers, so many of them, that are in no span of a sorted list."""
    found: list[Span] = []
    at = 0
    for span in spans:
        if count and at < span.start:
            found.append(Span(at, min(span.start, at + count)))
            count -= found[-1].stop - at
        at = span.stop
    return [*found, Span(at, at + count)] if count else found


def missing(spans: Sequence[Ranged], wanted: Iterable[tuple[int, int]]) -> list[Span]:
    """The numbers of some spans that are in none of a sorted list."""
    found: list[Span] = []
    starts = [span.start for span in spans]
    for start, stop in merged(wanted):
        for at in range(max(bisect_right(starts, start) - 1, 0), len(spans)):
            span = spans[at]
            if span.start >= stop:
                break
            if start < span.start:
                found.append(Span(start, span.start))
            start = max(start, span.stop)  # noqa: PLW2901 - what is left of it
        if start < stop:
            found.append(Span(start, stop))
    return found


def merged(spans: Iterable[tuple[int, int]]) -> list[Span]:
    """The same numbers in sorted spans that do not touch; what is empty is left out."""
    found: list[Span] = []
    for start, stop in sorted(spans):
        if stop <= start:
            continue
        if found and start <= found[-1].stop:
            found[-1] = Span(found[-1].start, max(stop, found[-1].stop))
        else:
            found.append(Span(start, stop))
    return found
