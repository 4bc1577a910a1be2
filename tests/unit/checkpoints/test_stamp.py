"""A number that says when it was given grows with the time, and is told from one that counts from 1."""

from __future__ import annotations

from checkpoints.stamp import STAMPED, stamp


def test_it_grows_with_the_time_by_one_a_microsecond() -> None:
    assert [stamp(second) for second in (0.0, 1.5, 2_000_000.0)] == [0, 1_500_000, 2 * 10**12]
    assert stamp(-5.0) == 0


def test_what_counts_from_one_says_nothing_and_every_number_of_our_time_does() -> None:
    assert stamp(1e6) < STAMPED < stamp(1.6e9) < 1 << 53
