"""Instants are found in their order, gaps are seen, and where a clock was set back the later truth counts."""

from __future__ import annotations

import pytest

from engine.rewind.index import Index, Place, Range
from engine.rewind.spec import GAP_MS, RANGES


def index_of(*times_ms: int, file: int = 1) -> Index:
    index = Index()
    for at, time_ms in enumerate(times_ms):
        index.add(Place(time_ms, file, 0, at, at + 1))
    return index


def spans(index: Index, since_ms: int = 0, until_ms: int = 2**62) -> list[tuple[int, int, int]]:
    return [tuple(one) for one in index.ranges(since_ms, until_ms)]


@pytest.mark.parametrize(
    ("asked_ms", "found_ms"), [(999, None), (1_000, 1_000), (1_999, 1_000), (2_000, 2_000), (9_999, 3_000)]
)
def test_the_last_instant_that_is_not_after_another_one_is_found(asked_ms: int, found_ms: int | None) -> None:
    index = index_of(1_000, 2_000, 3_000)
    at = index.before(asked_ms)
    assert (None if at < 0 else index.place(at).time_ms) == found_ms


def test_what_lies_further_apart_than_recordings_do_is_a_gap() -> None:
    begin = 10_000
    index = index_of(begin, begin + GAP_MS, begin + 2 * GAP_MS + 1)
    assert spans(index) == [(begin, begin + GAP_MS, 2), (begin + 2 * GAP_MS + 1, begin + 2 * GAP_MS + 1, 1)]


def test_ranges_are_cut_to_what_is_asked_for() -> None:
    index = index_of(1_000, 2_000, 3_000, 50_000, 51_000)
    assert spans(index, 2_000, 50_999) == [(2_000, 3_000, 2), (50_000, 50_000, 1)]
    assert spans(index, 3_001, 49_999) == []
    assert spans(index, 51_000) == [(51_000, 51_000, 1)]


def test_of_very_many_ranges_the_newest_are_told() -> None:
    index = index_of(*(at * 10_000 for at in range(1, RANGES + 5)))
    assert len(spans(index)) == RANGES
    assert spans(index)[-1][0] == (RANGES + 4) * 10_000


def test_where_a_clock_was_set_back_the_later_recording_counts() -> None:
    index = index_of(1_000, 2_000, 20_000, 21_000)
    index.add(Place(2_000, 2, 7, 8, 9))
    assert list(index.times_ms) == [1_000, 2_000]
    assert index.place(1) == Place(2_000, 2, 7, 8, 9)
    index.add(Place(500, 2, 0, 0, 1))
    assert spans(index) == [(500, 500, 1)]


def test_the_oldest_files_are_forgotten_with_their_instants() -> None:
    index = index_of(1_000, 2_000, 30_000)
    for time_ms in (31_000, 60_000):
        index.add(Place(time_ms, 2, 0, 0, 1))
    index.forget(1)
    assert spans(index) == [(31_000, 31_000, 1), (60_000, 60_000, 1)]
    index.forget(2)
    assert (len(index), spans(index)) == (0, [])
    index.add(Place(70_000, 3, 0, 0, 1))
    assert index.ranges(0, 2**62) == [Range(70_000, 70_000, 1)]
