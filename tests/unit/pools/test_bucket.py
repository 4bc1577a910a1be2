"""A bucket gives what its rate says, and a burst once."""

from __future__ import annotations

from pools.bucket import Bucket


def test_a_burst_is_there_at_first_and_then_what_comes_at_the_rate() -> None:
    bucket = Bucket(10.0, 5, 100.0)
    assert bucket.take(7, 100.0) == 5
    assert bucket.take(1, 100.0) == 0
    assert bucket.take(9, 100.35) == 3
    assert bucket.room(200.0) == 5


def test_it_says_how_long_tokens_are_to_come() -> None:
    bucket = Bucket(10.0, 5, 0.0)
    bucket.take(5, 0.0)
    assert bucket.wait_s(1, 0.0) == 0.1
    assert bucket.wait_s(3, 0.2) == 0.1
    assert bucket.wait_s(1_000, 0.0) == 0.3, "no more than fit are ever there"


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(10.0, 5, 10.0)
    bucket.take(5, 10.0)
    assert bucket.take(5, 3.0) == 0
    assert bucket.take(5, 10.15) == 1
