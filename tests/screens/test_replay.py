"""A recording on the screens."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from engine.dashboard.app import Dashboard
from engine.dashboard.replay import ReplaySource
from engine.rewind.scribe import Scribe
from tests.support.glass import lines_of, shown
from tests.support.sources import NOW_S, PlantedSource, overview_at, settled


def recorded(path: Path) -> ReplaySource:
    with Scribe(path) as scribe:
        for second in range(120):
            overview = overview_at(NOW_S + second)
            scribe.record(NOW_S + second, {"stats": {"time_s": NOW_S + second}, "overview": overview})
    return ReplaySource(path)


async def test_it_begins_at_its_first_instant_and_goes_on_by_itself(tmp_path: Path) -> None:
    clock = PlantedSource()
    app = Dashboard(recorded(tmp_path / "monday"), clock=clock.clock, zone=UTC)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert lines_of(pilot)[0].rstrip().endswith("▶ REPLAY")
        assert lines_of(pilot)[2].startswith(" ◀ REPLAY 10:54:07  10:54:07 ●")
        for _ in range(3):
            clock.now_s += 1.0
            await settled(pilot)
        assert "REPLAY 10:54:10" in lines_of(pilot)[2]
        await pilot.press("space")
        clock.now_s += 50.0
        await settled(pilot)
        assert lines_of(pilot)[0].rstrip().endswith("‖ REPLAY")
        assert "REPLAY 10:54:10" in lines_of(pilot)[2]
        await pilot.press("space")
        clock.now_s += 1.0
        await settled(pilot)
        assert "REPLAY 10:54:11" in lines_of(pilot)[2]
        await pilot.press("l")
        await settled(pilot)
        assert "REPLAY 10:56:06" in lines_of(pilot)[2]
        await pilot.press("2")
        await settled(pilot)
        assert "killed by signal 9" in shown(pilot)
        await pilot.press("5")
        await settled(pilot)
        assert "is not recorded" in shown(pilot)
