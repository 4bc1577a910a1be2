"""What happens in a real engine is seen as it happens, from a level on, with some words, and who looks back is left there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.dashboard.lines import Lines
from tests.support.attached import KIND, attached
from tests.support.commands import Commands, commands
from tests.support.glass import shown, watching
from tests.support.sources import NOW_S, PlantedSource, busy

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        (tmp_path / "kind.py").write_text(KIND)
        assert made("spawn", "scout", "--count", "10", "--use", "kind.py:Scout").returncode == 0
        yield made


async def test_what_happens_is_seen_as_it_happens(engine: Commands) -> None:
    async with attached(engine, "6") as at:
        await at.sees("worker.ready", "following")
        worker = next(one for one in await at.says("ps") if one["worker"] == "p2")
        os.kill(worker["pid"], signal.SIGKILL)
        await at.sees("p2: killed by signal 9", "⚠ WARN  worker.died")
        await at.press("f", "f")
        await at.sees("from warning on")
        await at.until(lambda: "worker.ready" not in shown(at.pilot) and "worker.died" in shown(at.pilot))
        await at.press("escape")
        await at.press("slash", *"event:ready p2", "enter")
        await at.sees("filter event:ready p2")
        lines = [line for line in shown(at.pilot).splitlines() if "INFO" in line]
        assert lines
        assert all("worker.ready" in line and "p2" in line for line in lines)


def planted(count: int) -> PlantedSource:
    source = busy()
    source.documents["events"] = lambda **_facts: [
        {"name": "thing.happened", "text": f"number {at} " + "word " * 40, "time_s": NOW_S + at, "level": "info"}
        for at in range(count)
    ]
    return source


async def test_long_lines_are_broken_and_the_end_stays_in_sight_until_somebody_looks_back() -> None:
    source = planted(200)
    async with watching(source, "6") as pilot:
        assert "number 199" in shown(pilot)
        lines = pilot.app.screen.query_one(Lines)
        assert len(lines._rows) > 600
        source.documents["events"] = planted(210).documents["events"]
        for _ in range(100):
            source.now_s += 2
            await pilot.app.workers.wait_for_complete()
            pilot.app.tick()  # type: ignore[attr-defined]
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
            if "number 209" in shown(pilot):
                break
        assert "number 209" in shown(pilot)
        await pilot.press("pageup")
        await pilot.pause(0.5)
        assert "not following" in shown(pilot)
        before = lines.scroll_y
        source.documents["events"] = planted(220).documents["events"]
        source.now_s += 2
        pilot.app.tick()  # type: ignore[attr-defined]
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert lines.scroll_y == before
        assert "number 219" not in shown(pilot)
        await pilot.press("e")
        await pilot.pause(0.2)
        assert "number 219" in shown(pilot)


async def test_only_the_lines_that_are_seen_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    inner = Lines.render_line
    monkeypatch.setattr(Lines, "render_line", lambda self, y: drawn.append(y) or inner(self, y))  # type: ignore[func-returns-value]
    async with watching(planted(1_000), "6") as pilot:
        await pilot.pause()
        assert max(drawn) < 24


async def test_what_commands_a_terminal_is_not_shown_as_it_is() -> None:
    source = busy()
    source.documents["events"] = [{"name": "x.y", "text": "\x1b[31mred\x1b[0m\x07", "time_s": NOW_S, "level": "error"}]
    async with watching(source, "6") as pilot:
        assert "red" in shown(pilot)
        assert "\x1b" not in shown(pilot)
        assert "✗ ERROR" in shown(pilot)
