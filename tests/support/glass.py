"""What stands on a screen, read as a person reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

from textual.pilot import Pilot

from engine.dashboard.app import Dashboard
from tests.support.sources import PlantedSource, settled

__all__ = ["lines_of", "shown", "watching"]


@asynccontextmanager
async def watching(
    source: PlantedSource, *keys: str, size: tuple[int, int] = (80, 24), **facts: Any
) -> AsyncIterator[Pilot[int]]:
    """A dashboard on a source, after some keys."""
    app = Dashboard(source, clock=source.clock, zone=UTC, **facts)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        yield pilot


def lines_of(pilot: Pilot[Any]) -> list[str]:
    """The lines of the whole screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def shown(pilot: Pilot[Any], *, below: str = "") -> str:
    """The text of the whole screen; below: only what stands under the first line with these words."""
    lines = lines_of(pilot)
    at = next((number for number, line in enumerate(lines) if below in line), 0) if below else 0
    return "\n".join(line.rstrip() for line in lines[at:])
