"""The tones of states."""

from __future__ import annotations

import pytest

from engine.dashboard.states import tone_of


@pytest.mark.parametrize(
    ("state", "tone"),
    [("running", "success"), ("starting", "warning"), ("down", "error"), ("stopped", "muted"), ("unheard of", "")],
)
def test_a_state_has_the_tone_that_it_has_on_the_command_line(state: str, tone: str) -> None:
    assert tone_of(state) == tone
