"""Every screen as a picture: small and large, dark, light, without colour, stale, and in the past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.dashboard.app import Dashboard
from tests.support.sources import busy, settled

SIZES = [(80, 24), (160, 48)]
#: Keys that lead to each screen.
SCREENS = {"overview": [], "workers": ["2"], "sprints": ["5"], "help": ["question_mark"], "past": ["left", "shift+left"]}

Compare = Callable[..., bool]


def picture(compare: Compare, *keys: str, size: tuple[int, int], theme: str = "night", after_s: float = 0.0) -> bool:
    source = busy()
    app = Dashboard(source, clock=source.clock, zone=UTC, has_colour=theme != "plain")
    app.theme = theme

    async def act(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        if after_s:
            source.is_live = False
            source.now_s += after_s
            await settled(pilot)

    return compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(snap_compare: Compare, screen: str, size: tuple[int, int]) -> None:
    assert picture(snap_compare, *SCREENS[screen], size=size)


@pytest.mark.parametrize("theme", ["day", "plain"])
def test_a_theme_looks_as_it_did(snap_compare: Compare, theme: str) -> None:
    assert picture(snap_compare, "2", size=(120, 40), theme=theme)


def test_without_an_engine_it_looks_as_it_did(snap_compare: Compare) -> None:
    assert picture(snap_compare, size=(80, 24), after_s=12.0)
