"""A window knows what came within it, whenever it was looked at, and no more of the past than it needs."""

from __future__ import annotations

from random import Random

import pytest

from pools.window import WINDOW_S, Window


def test_it_knows_what_came_in_it_and_forgets_what_came_before() -> None:
    window = Window()
    assert window.grown(5, 0.0) == 5, "the engine is younger than the window"
    for at in range(200):
        window.look(at * 2, float(at))
    assert window.grown(398, 199.0) == 120
    assert window.grown(398, 199.0 + WINDOW_S) == 0
    assert len(window._seen) <= WINDOW_S + 1
    assert window.grown(0, 199.0) == 0, "a count that was lost is no rate"


def test_a_rate_is_that_of_a_count_by_hand(chance: Random) -> None:
    window, at_s, total = Window(), 0.0, 0
    came: list[float] = []
    for _ in range(600):
        at_s += chance.uniform(0.2, 2.0)
        for _ in range(chance.randrange(3)):
            came.append(at_s)
            total += 1
        window.look(total, at_s)
        exact = sum(when > at_s - WINDOW_S for when in came)
        late = sum(when > at_s - WINDOW_S - 2.0 for when in came)
        assert exact <= window.grown(total, at_s) <= late


def test_a_rate_is_over_the_time_that_was_looked_at() -> None:
    window = Window(10.0)
    assert window.rate(5, 100.0, 100.0) is None, "no time has passed"
    assert window.rate(5, 102.0, 100.0) == pytest.approx(2.5), "since it began"
    for at in range(30):
        window.look(at * 3, 100.0 + at)
    assert window.rate(87, 129.0, 100.0) == pytest.approx(3.0)
    assert window.rate(87, 129.5, 100.0) == pytest.approx((87 - 57) / 10.5), "since the last look that is a window ago"
    assert window.rate(0, 129.0, 100.0) == 0.0
