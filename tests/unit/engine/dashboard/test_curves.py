"""What the top of a plot stands for."""

from __future__ import annotations

import pytest

from engine.dashboard.curves import ceiling


@pytest.mark.parametrize(
    ("highest", "least", "top"),
    [
        (0.0, 2.0, 2.0),
        (1.5, 2.0, 2.0),
        (29.8, 2.0, 40.0),
        (500.0, 2.0, 600.0),
        (1_000.0, 2.0, 1_000.0),
        (0.64, 0.2, 0.8),
        (7e6, 2.0, 8e6),
    ],
)
def test_the_top_is_round_and_so_is_its_half(highest: float, least: float, top: float) -> None:
    assert ceiling(highest, least) == pytest.approx(top)
