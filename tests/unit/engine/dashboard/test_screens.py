"""The table of screens."""

from __future__ import annotations

import pytest

from engine.dashboard.board import Board
from engine.dashboard.screens import PLACES, Place


def test_no_key_and_no_name_stands_there_twice() -> None:
    assert len({place.key for place in PLACES}) == len({place.name for place in PLACES}) == len(PLACES)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_screen_can_be_made(place: Place) -> None:
    assert isinstance(place.make(), Board)
    assert place.about
