"""The screens that look closely as pictures: small and large, and without colour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.dashboard.app import Dashboard
from tests.support.closeups import close
from tests.support.sources import settled

SIZES = [(80, 24), (160, 48)]
#: Keys that lead to each screen.
SCREENS: dict[str, list[str]] = {
    "agents": ["3"],
    "filtered": ["3", "slash", *"counter", "enter", "z"],
    "agent": ["3", "enter"],
    "tasks": ["4"],
    "letters": ["4", "d"],
    "task": ["4", "down", "down", "down", "enter"],
    "log": ["6"],
    "question": ["4", "d", "X"],
    "options": ["2", "b"],
}

Compare = Callable[..., bool]


def picture(compare: Compare, keys: list[str], size: tuple[int, int], theme: str = "night") -> bool:
    source = close()
    app = Dashboard(source, clock=source.clock, zone=UTC, has_colour=theme != "plain")
    app.theme = theme

    async def act(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
            if not any(worker.group == "deeds" for worker in app.workers):
                await settled(pilot)

    return compare(app, terminal_size=size, run_before=act)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(snap_compare: Compare, screen: str, size: tuple[int, int]) -> None:
    assert picture(snap_compare, SCREENS[screen], size)


@pytest.mark.parametrize("screen", ["agents", "agent"])
@pytest.mark.parametrize("theme", ["day", "plain"])
def test_a_theme_looks_as_it_did(snap_compare: Compare, theme: str, screen: str) -> None:
    assert picture(snap_compare, SCREENS[screen], (120, 40), theme)
