"""What is worse than before is told from chance: neither a single failure nor a usual share of them takes new code back."""

from __future__ import annotations

from random import Random

import pytest

from pools.verdict import Tasks, is_worse


def test_counts_are_added_and_taken_from_each_other() -> None:
    assert Tasks(3, 1).total == 4
    assert Tasks(3, 1).rate == 0.25
    assert Tasks().rate == 0.0
    assert Tasks(3, 1).more(Tasks(2, 2)) == Tasks(5, 3)
    assert Tasks(3, 1).since(Tasks(2, 1)) == Tasks(1, 0)


@pytest.mark.parametrize(
    ("new", "old", "bound", "worse"),
    [
        (Tasks(0, 19), Tasks(100, 0), 0.05, False),  # too few to say
        (Tasks(0, 20), Tasks(100, 0), 0.05, True),
        (Tasks(19, 1), Tasks(100, 0), 0.0, True),
        (Tasks(900, 100), Tasks(1000, 0), 0.05, True),
        (Tasks(900, 100), Tasks(900, 100), 0.05, False),  # the old code is no better
        (Tasks(940, 60), Tasks(1000, 0), 0.05, False),  # chance explains it
        (Tasks(0, 1000), Tasks(1000, 0), 1.0, False),
        (Tasks(1000, 0), Tasks(0, 1000), 0.0, False),
    ],
)
def test_more_failures_than_the_bound_and_chance_explain_are_worse(new: Tasks, old: Tasks, bound: float, worse: bool) -> None:
    assert is_worse(new, old, bound) is worse


def test_a_share_of_twice_the_bound_is_nearly_always_seen_within_a_thousand_tasks_and_a_good_one_nearly_never() -> None:
    def seen(rate: float, seed: int) -> bool:
        chance, failed = Random(seed), 0
        for count in range(1, 1_001):
            failed += chance.random() < rate
            if count % 50 == 0 and is_worse(Tasks(count - failed, failed), Tasks(10_000, 0), 0.05):
                return True
        return False

    assert sum(seen(0.10, seed) for seed in range(300)) >= 297
    assert sum(seen(0.03, seed) for seed in range(300)) <= 3
