"""The slope of a growth."""

from __future__ import annotations

import pytest

from bench.growth import STEPS, slope


def test_a_cost_that_does_not_know_the_age_has_the_slope_1_and_one_that_rewrites_all_has_2() -> None:
    assert slope(STEPS, [240 * step for step in STEPS]) == pytest.approx(1)
    assert slope(STEPS, [48 * step * step for step in STEPS]) == pytest.approx(2)
    assert 1.1 < slope(STEPS, [240 * step + step * step // 20 for step in STEPS]) < 2
