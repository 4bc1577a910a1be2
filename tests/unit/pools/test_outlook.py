"""Estimates follow the evidence, chance is not taken for a cause, and unknown places and sizes are what others are."""

from __future__ import annotations

from random import Random

import pytest

from pools.history import PRIOR, Record, size_of
from pools.outlook import Outlook


def outlook(*seen: tuple[str, int, int, int]) -> Outlook:
    """seen: place, size, tasks, failures."""
    record = Record(0.0)
    for place, size, count, failed in seen:
        record.learn((place, size), count, failed, 0.0)
    return Outlook(record, 0.0)


def test_where_nothing_is_known_the_prior_is_expected() -> None:
    nothing = Outlook(None, 0.0)
    assert nothing.rate == PRIOR
    assert nothing.expect("p1", 3) == pytest.approx(PRIOR)
    assert nothing.share == 0
    assert nothing.best(3) == {}
    assert nothing.ceiling(0.7) is None


def test_a_bad_place_is_told_from_good_ones() -> None:
    seen = outlook(*((f"a/{n}", 1, 50, 48 if n == 0 else 1) for n in range(6)))
    assert seen.expect("a/0", 1) > 0.9
    assert seen.expect("a/1", 1) < 0.05
    assert sorted(seen.best(1)) == [f"a/{n}" for n in range(6)]


def test_a_place_that_was_not_seen_is_what_the_others_are() -> None:
    seen = outlook(("a/0", 1, 100, 60), ("a/1", 1, 100, 20))
    assert seen.expect("a/9", 1) == pytest.approx(0.4, abs=0.03)


def test_chance_makes_no_bad_places() -> None:
    """Where half of everything fails some place always has a bad row; it is not taken for more than it is."""
    for seed in range(20):
        rng = Random(seed)
        rows = [(f"a/{n}", 1, 10, sum(rng.random() < 0.5 for _ in range(10))) for n in range(40)]
        assert max(failed for *_, failed in rows) >= 7
        seen = outlook(*rows)
        assert max(seen.expect(place, 1) for place, *_ in rows) < 0.7


def test_three_failures_of_three_prove_something_only_where_places_differ() -> None:
    alike = outlook(*((f"a/{n}", 1, 10, 5) for n in range(20)), ("b", 1, 3, 3))
    unlike = outlook(*((f"a/{n}", 1, 10, 10 if n < 10 else 0) for n in range(20)), ("b", 1, 3, 3))
    assert alike.expect("b", 1) < 0.6
    assert unlike.expect("b", 1) > 0.85


def test_a_large_size_fails_everywhere_and_a_bad_place_with_every_size() -> None:
    small, large = size_of(10), size_of(1_000)
    seen = outlook(
        ("a", small, 50, 1), ("a", large, 50, 49), ("b", small, 50, 48), ("b", large, 50, 50), ("c", small, 50, 1)
    )  # c was never given a large one
    assert seen.expect("a", small) < 0.1
    assert seen.expect("a", large) > 0.9
    assert seen.expect("b", small) > 0.9
    assert seen.expect("c", large) > 0.5


def test_a_size_that_was_not_seen_is_between_its_neighbours() -> None:
    seen = outlook(("a", size_of(8), 100, 0), ("a", size_of(64), 100, 0), ("a", size_of(1_024), 100, 100))
    assert seen.expect("z", size_of(20)) < 0.02
    assert seen.expect("z", size_of(4_000)) > 0.95
    assert 0.3 < seen.expect("z", size_of(300)) < 0.7


def test_tasks_whose_place_nobody_saw_do_not_shift_those_that_were_seen() -> None:
    record = Record(0.0)
    record.learn(None, 1_000, 1_000, 0.0)
    record.learn(("a", 1), 200, 2, 0.0)
    record.learn(("b", 1), 200, 2, 0.0)
    seen = Outlook(record, 0.0)
    assert seen.rate > 0.6
    assert seen.expect("a", 1) < 0.06


def test_the_ceiling_is_the_smallest_size_from_which_on_tasks_fail() -> None:
    rows = [("a", size_of(n), 50, 50 if n >= 64 else 1) for n in (4, 16, 32, 64, 128, 512)]
    assert outlook(*rows).ceiling(0.7) == 64
    assert outlook(*rows[:3]).ceiling(0.7) is None


def test_there_is_no_ceiling_where_all_sizes_fail_or_only_one_between() -> None:
    assert outlook(*(("a", size_of(n), 50, 49) for n in (4, 16, 64))).ceiling(0.7) is None
    assert outlook(*(("a", size_of(n), 50, 49 if n == 16 else 0) for n in (4, 16, 64))).ceiling(0.7) is None


def test_a_few_outcomes_make_neither_a_specialist_nor_a_ceiling() -> None:
    seen = outlook(("a", 4, 50, 1), ("b", 30, 3, 3))
    assert seen.best(4).keys() == {"a"}
    assert seen.ceiling(0.7) is None


def test_estimates_are_probabilities_whatever_was_seen() -> None:
    rng = Random(7)
    for _ in range(200):
        rows = []
        for _ in range(rng.randrange(1, 20)):
            count = rng.randrange(1, 100)
            rows.append((f"p{rng.randrange(5)}", rng.randrange(6), count, rng.randrange(count + 1)))
        seen = outlook(*rows)
        assert all(0 <= seen.expect(f"p{place}", size) <= 1 for place in range(7) for size in range(8))
