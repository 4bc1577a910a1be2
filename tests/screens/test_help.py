"""The help tells the keys that there are."""

from __future__ import annotations

from engine.dashboard.screens import PLACES
from tests.support.glass import shown, watching
from tests.support.sources import busy


async def test_a_question_mark_opens_it_and_it_names_every_screen() -> None:
    async with watching(busy(), "question_mark", size=(120, 48)) as pilot:
        text = shown(pilot)
    assert all(f" {place.key}  {place.about}" in text for place in PLACES)
    assert "ctrl+p" in text
    assert "○ STALE" in text


async def test_in_a_small_terminal_it_is_scrolled_by_keys() -> None:
    async with watching(busy(), "question_mark") as pilot:
        before = shown(pilot)
        for _ in range(12):
            await pilot.press("down")
        await pilot.pause(0.3)
        assert shown(pilot) != before
