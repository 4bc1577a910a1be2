"""Ranges of numbers are cut, filled and joined like sets of numbers."""

from __future__ import annotations

from random import Random

import pytest

from pools.spans import Span, cut, free, merged, missing


def numbers(spans: list[Span]) -> set[int]:
    return {number for span in spans for number in range(*span)}


def taken_out(spans: list[Span], start: int, stop: int) -> list[Span]:
    return cut([span.start for span in spans], spans, start, stop, lambda _span, a, b: Span(a, b))


@pytest.mark.parametrize(
    ("start", "stop", "left", "gone"),
    [
        (0, 10, [(20, 30)], [(0, 10)]),
        (3, 5, [(0, 3), (5, 10), (20, 30)], [(3, 5)]),
        (0, 1, [(1, 10), (20, 30)], [(0, 1)]),
        (9, 21, [(0, 9), (21, 30)], [(9, 10), (20, 21)]),
        (10, 20, [(0, 10), (20, 30)], []),
        (30, 40, [(0, 10), (20, 30)], []),
        (0, 99, [], [(0, 10), (20, 30)]),
    ],
)
def test_a_piece_is_taken_out(start: int, stop: int, left: list[tuple[int, int]], gone: list[tuple[int, int]]) -> None:
    spans = [Span(0, 10), Span(20, 30)]
    assert taken_out(spans, start, stop) == gone
    assert spans == left


def test_any_pieces_are_taken_out_as_from_a_set(chance: Random) -> None:
    for _ in range(300):
        spans = merged((start, start + chance.randrange(9)) for start in (chance.randrange(60) for _ in range(8)))
        starts = [span.start for span in spans]
        there = numbers(spans)
        for _ in range(4):
            start = chance.randrange(70)
            stop = start + chance.randrange(20)
            gone = numbers(cut(starts, spans, start, stop, lambda _span, a, b: Span(a, b)))
            assert gone == there & set(range(start, stop))
            there -= gone
            assert numbers(spans) == there
            assert starts == [span.start for span in spans]
        count = chance.randrange(12)
        wanted = [(start := chance.randrange(70), start + chance.randrange(20)) for _ in range(3)]
        absent = missing(spans, wanted)
        assert numbers(absent) == {number for span in wanted for number in range(*span)} - there
        assert absent == merged(absent)
        fresh = [number for span in free(spans, count) for number in range(*span)]
        assert fresh == [number for number in range(200) if number not in there][:count]


def test_spans_that_touch_are_one_and_empty_ones_none() -> None:
    assert merged([(5, 6), (0, 2), (2, 5), (9, 9), (8, 7), (20, 30), (21, 22)]) == [(0, 6), (20, 30)]
