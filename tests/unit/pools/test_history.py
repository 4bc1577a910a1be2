"""Outcomes are counted by pair, place and size, fade with time and with what comes after them, and stay bounded."""

from __future__ import annotations

import pytest

from pools import history
from pools.history import (
    HALF_LIFE_OUTCOMES,
    HALF_LIFE_S,
    PAIRS,
    PLACES,
    PRIOR,
    SPOTS,
    Evidence,
    History,
    Record,
    least_of,
    size_of,
)

PAIR = ("scout", "fetch")


def near(evidence: Evidence, failed: float, tasks: float) -> bool:
    return evidence == pytest.approx((failed, tasks), rel=1e-6)


def test_the_error_rate_of_what_was_never_seen_is_the_prior() -> None:
    assert History().error_rate("scout", "fetch", 0.0) == PRIOR


def test_the_error_rate_goes_from_the_prior_to_what_was_seen() -> None:
    known = History()
    known.learn(PAIR, None, 1, 1, 0.0)
    assert PRIOR < known.error_rate("scout", "fetch", 0.0) < 0.2
    known.learn(PAIR, None, 500, 350, 0.0)
    assert known.error_rate("scout", "fetch", 0.0) == pytest.approx(0.69, abs=0.01)


def test_pairs_know_nothing_of_each_other() -> None:
    known = History()
    known.learn(PAIR, None, 100, 100, 0.0)
    assert known.error_rate("scout", "store", 0.0) == known.error_rate("other", "fetch", 0.0) == PRIOR


def test_an_outcome_counts_half_after_a_half_life() -> None:
    record = Record(0.0)
    record.learn(("p1", 3), 8, 4, 0.0)
    first = record.whole(0.0)
    assert near(record.whole(HALF_LIFE_S), first.failed / 2, first.tasks / 2)
    assert near(record.places(2 * HALF_LIFE_S)["p1"], first.failed / 4, first.tasks / 4)


def test_what_came_later_outweighs_what_was() -> None:
    """A cause that is gone is forgotten, in time and under load."""
    known = History()
    known.learn(PAIR, None, 100, 100, 0.0)
    known.learn(PAIR, None, 100, 0, 10 * HALF_LIFE_S)
    assert known.error_rate("scout", "fetch", 10 * HALF_LIFE_S) < 0.01
    busy = Record(0.0)
    busy.learn(None, 1_000, 1_000, 0.0)
    for _ in range(10 * HALF_LIFE_OUTCOMES // 1_000):
        busy.learn(None, 1_000, 0, 0.0)
    assert busy.whole(0.0).failed < 2
    assert busy.whole(0.0).tasks < 2 * HALF_LIFE_OUTCOMES


def test_weights_that_would_become_too_large_are_written_down_anew() -> None:
    record = Record(0.0)
    now_s = 0.0
    for step in range(3_000):
        now_s = step * HALF_LIFE_S
        record.learn(("p1", 1), 10, 5, now_s)
    assert near(record.whole(now_s), *record.spots(now_s)["p1", 1])
    assert record.whole(now_s).failed / record.whole(now_s).tasks == pytest.approx(0.5)
    assert 10 <= record.whole(now_s).tasks <= 21
    assert record.learned == 30_000


def test_a_clock_that_goes_back_changes_no_count() -> None:
    record = Record(100.0)
    record.learn(None, 10, 1, 100.0)
    assert near(record.whole(50.0), *record.whole(100.0))
    record.learn(None, 10, 1, 50.0)
    assert record.whole(100.0).tasks == pytest.approx(20, rel=0.01)


def test_outcomes_are_found_under_place_size_and_both() -> None:
    record = Record(0.0)
    record.learn(("p1", 3), 10, 1, 0.0)
    record.learn(("p1", 5), 10, 9, 0.0)
    record.learn(("p2", 3), 10, 0, 0.0)
    record.learn(None, 10, 0, 0.0)
    assert record.whole(0.0).tasks == pytest.approx(40, rel=0.01)
    assert record.places(0.0)["p1"] == pytest.approx((10, 20), rel=0.01)
    assert record.sizes(0.0)[3] == pytest.approx((1, 20), rel=0.01)
    assert record.spots(0.0)["p1", 5] == pytest.approx((9, 10), rel=0.01)


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    known = History()
    for number in range(PAIRS + 50):
        known.learn(("kind", f"m{number}"), None, 1, 0, 0.0)
        known.learn(("kind", "m0"), None, 1, 0, 0.0)
    assert len(known) == PAIRS
    assert known.record(("kind", "m0")) is not None
    assert known.record(("kind", "m1")) is None
    record = Record(0.0)
    for number in range(2_000):
        record.learn((f"p{number}", number), 1, 0, 0.0)
    assert len(record.places(0.0)) == PLACES
    assert len(record.spots(0.0)) == len(record.sizes(0.0)) == SPOTS
    assert "p1999" in record.places(0.0)


@pytest.mark.parametrize(
    ("argument", "size"),
    [
        (None, 0), ([], 0), (0, 0), (True, 0), ("", 0), (1, 1), (2, 4), (3, 5), (4, 6), (5, 6), (6, 7), (8, 8), (-8, 8),
        ("12345678", 8),
        ([1, 8], 8), ([[0] * 8], 8), ({"x": [0] * 8, "y": 1}, 8), (8.9, 8), (float("nan"), 0), (1e300, 126), ([[], None], 0),
    ],
)  # fmt: skip
def test_a_size_class_is_of_the_largest_argument_and_there_are_two_for_each_doubling(argument: object, size: int) -> None:
    assert size_of(argument) == size


def test_the_least_number_of_a_class_is_in_it_and_the_one_below_is_not() -> None:
    for number in range(1, 5_000):
        size = size_of(number)
        least = least_of(size)
        assert least <= number
        assert size_of(least) == size
        assert size_of(least - 1) < size


def test_classes_of_numbers_of_any_length_are_few() -> None:
    assert history.size_of(2**64) == 2 * 65
