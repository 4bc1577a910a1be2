"""A worker as one character."""

from __future__ import annotations

import pytest

from engine.dashboard.heat import heat_of
from tests.support.sources import worker


@pytest.mark.parametrize(
    ("facts", "character", "tone"),
    [
        ({"busy": 0.0}, "▁", "muted"),
        ({"busy": 0.5}, "▅", "success"),
        ({"busy": 0.99}, "█", "warning"),
        ({"busy": None}, "·", "muted"),
        ({"state": "down"}, "D", "error"),
        ({"state": "backoff"}, "B", "warning"),
        ({"state": "starting"}, "S", "warning"),
        ({"state": "unheard of"}, "U", "warning"),
        ({"breaker": "open"}, "O", "error"),
        ({"breaker": "half-open"}, "O", "error"),
    ],
)
def test_the_height_is_how_busy_it_is_a_letter_what_is_wrong(facts: dict[str, object], character: str, tone: str) -> None:
    assert heat_of(worker("p1/0", **facts)) == (character, tone)
