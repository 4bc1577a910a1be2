"""A number that says when it was given grows with the time, and is told from one that counts from 1."""

from __future__ import annotations

from checkpoints.spec import PLACE_BITS
from checkpoints.stamp import STAMPED, stamp


def test_it_grows_with_the_time_by_one_a_microsecond() -> None:
    assert [stamp(second) for second in (0.0, 1.5, 2_000_000.0)] == [0, 1_500_000, 2 * 10**12]
    assert stamp(-5.0) == 0


def test_what_counts_from_one_says_nothing_and_every_number_of_our_time_does() -> None:
    assert stamp(1e6) < STAMPED < stamp(1.6e9) < 1 << 53


def test_after_2038_and_2106_it_goes_on_and_a_message_of_that_time_has_a_number_of_64_bits() -> None:
    seconds = [2.0**31 - 1, 2.0**31, 2.0**31 + 86_400, 2.0**32, 2.0**33]
    numbers = [stamp(second) for second in seconds]
    assert numbers == [int(second) * 10**6 for second in seconds]
    assert max(numbers) << PLACE_BITS < 1 << 63
