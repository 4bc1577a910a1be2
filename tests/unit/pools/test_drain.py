"""A queue's rate is measured while somebody waits in it."""

from __future__ import annotations

import pytest

from pools.drain import FORGET_S, Drain


def drained(rate: float, seconds: float) -> Drain:
    drain = Drain()
    for step in range(int(seconds * 100)):
        drain.left(int(rate / 100), 500, 100.0 + step / 100)
    return drain


def test_a_queue_that_was_never_full_has_no_rate() -> None:
    drain = Drain()
    assert drain.rate(1.0) is None
    for step in range(100):
        drain.left(10, 0, step / 100)
    assert drain.wait_s(5, 1.0) is None


def test_the_rate_of_a_full_queue_is_what_left_it() -> None:
    drain = drained(1_000, 1.0)
    assert drain.rate(101.0) == pytest.approx(1_000, rel=0.25)
    assert drain.wait_s(100, 101.0) == pytest.approx(0.1, rel=0.25)


def test_a_queue_that_stands_has_no_rate_of_its_own() -> None:
    drain = drained(1_000, 1.0)
    assert (drain.rate(103.0) or 0) < 100


def test_it_is_forgotten_after_a_while() -> None:
    drain = drained(1_000, 1.0)
    assert drain.rate(101.0 + FORGET_S + 1) is None
