"""Every cell of the overview, read from the screen."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dashboard.curves import Plot
from engine.dashboard.panel import Panel
from tests.support.glass import lines_of, shown, watching
from tests.support.sources import NOW_S, OVERVIEW, PlantedSource, busy, overview_at, settled

#: What stands in each cell for the planted overview.
CELLS = {
    "AGENTS": {"Total": "1,247", "Active": "1,198", "Idle": "42", "Failed": "7"},
    "TASKS": {"Queue": "312", "Complete": "8,654", "Failed": "127", "Success": "98.5 %"},
    "PERFORMANCE": {"Tasks/min": "18,420", "Errors/min": "3", "Recoveries/min": "2", "Efficiency": "87.4 %"},
    "RESOURCES": {"CPU": "43.7 %", "Memory": "1.24 GB  31.1 %", "Network": "2.14 MB/s", "Disk": "431 KB/s"},
    "COST": {"Claude": "$0.42", "gpt-4": "$0.28", "Local": "$0.00", "Total": "$0.70"},
    "IMPACT": {"Features": "3", "Tests": "41", "Bugs fixed": "5", "Code lines": "1,204"},
}


def read(lines: list[str], title: str) -> dict[str, str]:
    """The cells under a title, as they stand on the screen."""
    row = next(number for number, line in enumerate(lines) if f" {title} ─" in line)
    start = lines[row].rindex("╭", 0, lines[row].index(f" {title} "))
    end = lines[row].index("╮", start)
    found = {}
    for line in lines[row + 1 :]:
        if line[start] == "╰":
            break
        inner = line[start + 2 : end - 1].rstrip()
        name = next((name for name in CELLS[title] if inner.startswith(name)), inner[:12].strip())
        found[name] = inner.removeprefix(name).strip()
    return found


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 48)])
async def test_each_cell_stands_on_the_screen(size: tuple[int, int]) -> None:
    async with watching(busy(), size=size) as pilot:
        lines = lines_of(pilot)
    for title, cells in CELLS.items():
        assert read(lines, title) == cells


#: One change of a document, and the cells that change by it.
CHANGES: list[tuple[str, dict[str, Any], dict[str, dict[str, str]]]] = [
    ("agents", {"active": 1_199, "idle": 41}, {"AGENTS": {"Active": "1,199", "Idle": "41"}}),
    ("agents", {"failed": 8, "idle": 41}, {"AGENTS": {"Failed": "8", "Idle": "41"}}),
    ("agents", {"total": 1_248, "idle": 43}, {"AGENTS": {"Total": "1,248", "Idle": "43"}}),
    ("tasks", {"queue": 313}, {"TASKS": {"Queue": "313"}}),
    ("tasks", {"complete": 8_655}, {"TASKS": {"Complete": "8,655"}}),
    ("tasks", {"failed": 0, "success": 1.0}, {"TASKS": {"Failed": "0", "Success": "100 %"}}),
    ("performance", {"tasks_per_min": 1}, {"PERFORMANCE": {"Tasks/min": "1"}}),
    ("performance", {"errors_per_min": 4}, {"PERFORMANCE": {"Errors/min": "4"}}),
    ("performance", {"recoveries_per_min": 5}, {"PERFORMANCE": {"Recoveries/min": "5"}}),
    ("performance", {"efficiency": None}, {"PERFORMANCE": {"Efficiency": "–"}}),
    ("resources", {"cpu": 0.5}, {"RESOURCES": {"CPU": "50.0 %"}}),
    ("resources", {"network_bytes_per_s": 0}, {"RESOURCES": {"Network": "0 B/s"}}),
    ("resources", {"disk_bytes_per_s": None}, {"RESOURCES": {"Disk": "–"}}),
    ("cost", {"total": 0.71}, {"COST": {"Total": "$0.71"}}),
    ("impact", {"features": 4}, {"IMPACT": {"Features": "4"}}),
    ("impact", {"tests": None}, {"IMPACT": {"Tests": "–"}}),
    ("impact", {"bugs_fixed": 6}, {"IMPACT": {"Bugs fixed": "6"}}),
    ("impact", {"code_lines": 1_205}, {"IMPACT": {"Code lines": "1,205"}}),
]


@pytest.mark.parametrize(("part", "change", "cells"), CHANGES, ids=lambda value: str(value)[:40])
async def test_a_change_changes_its_cells_and_no_other(part: str, change: dict[str, Any], cells: dict[str, Any]) -> None:
    source = busy()
    async with watching(source) as pilot:
        before = {title: read(lines_of(pilot), title) for title in CELLS}
        source.now_s += 1.0
        source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, part: {**OVERVIEW[part], **change}}
        await settled(pilot)
        after = {title: read(lines_of(pilot), title) for title in CELLS}
    expected = {title: {**rows, **cells.get(title, {})} for title, rows in before.items()}
    assert after == expected


async def test_only_cells_that_changed_are_drawn_again() -> None:
    source = busy()
    async with watching(source) as pilot:
        drawn: list[tuple[str | None, int]] = []
        for panel in pilot.app.screen.query(Panel):
            whole = panel.refresh
            panel.refresh = lambda *regions, panel=panel, whole=whole, **more: (  # type: ignore[method-assign]
                drawn.extend((panel.id, region.y) for region in regions) or whole(*regions, **more)
            )
        source.now_s += 1.0
        source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, "tasks": {**OVERVIEW["tasks"], "queue": 1}}
        await settled(pilot)
    assert drawn == [("tasks", 0)]


async def test_before_the_first_answer_all_cells_are_dashes() -> None:
    source = PlantedSource(overview=None)
    async with watching(source) as pilot:
        lines = lines_of(pilot)
    assert set(read(lines, "AGENTS").values()) == {"–"}
    assert set(read(lines, "TASKS").values()) == {"–"}
    assert "no sprint runs" in lines[1]


async def test_who_did_most_and_the_alerts_stand_below() -> None:
    async with watching(busy(), size=(120, 40)) as pilot:
        text = shown(pilot, below="TOP PERFORMERS")
    assert "frontend/342: 127 tasks (frontend)" in text
    assert "backend/17: ≥98 tasks (backend)" in text
    assert "✗ ERROR Worker p1/2 is down: killed by signal 9  for 2.0 s" in text
    assert "⚠ WARN  Pool p3 at 89% capacity  for 63 s" in text
    assert "ℹ INFO  Next sprint in 07:41" in text
    assert text.index("ERROR") < text.index("WARN") < text.index("INFO")


async def test_long_alerts_are_wrapped_behind_their_word() -> None:
    source = busy()
    alerts = [{"level": "warning", "text": "word " * 8, "since_s": NOW_S - 63}, {"level": "error", "text": "言葉 " * 20}]
    source.documents["overview"] = {**OVERVIEW, "alerts": alerts}
    async with watching(source) as pilot:
        lines = [line[42:-1].rstrip(" │") for line in shown(pilot, below="ALERTS").splitlines()[1:5]]
    assert lines[0].startswith("✗ ERROR 言葉 言葉")
    assert all(line.startswith("        ") and not line.startswith("         ") for line in lines[1:]), lines


async def test_a_curve_ends_where_the_cell_of_it_stands() -> None:
    """The queue ran empty within a column of the curve."""
    for size in ((80, 24), (160, 48)):
        source = busy()
        async with watching(source, size=size) as pilot:
            source.now_s += 1.0
            source.documents["overview"] = overview_at(source.now_s, tasks={**OVERVIEW["tasks"], "queue": 0})
            await settled(pilot)
            assert read(lines_of(pilot), "TASKS")["Queue"] == "0"
            if size == (80, 24):
                line = next(line for line in lines_of(pilot) if line.startswith("  Queue "))
                assert ([sign for sign in line if sign in "▁▂▃▄▅▆▇█"][-1], line.split()[-1]) == ("▁", "0"), line
            else:
                plot = pilot.app.screen.query_one("#queue-plot", Plot)
                assert plot.border_subtitle == "0"
                assert plot.lag(0.0) == 0.0, "the plot that is furthest from the truth is drawn first"


async def test_curves_show_the_minutes_before_it_was_opened_where_they_were_recorded() -> None:
    async with watching(busy()) as pilot:
        line = next(line for line in lines_of(pilot) if "Tasks/s" in line)
        assert sum(char in "▁▂▃▄▅▆▇█" for char in line) > 40
    empty = busy()
    empty.recorded.clear()
    async with watching(empty) as pilot:
        line = next(line for line in lines_of(pilot) if "Tasks/s" in line)
        assert sum(char in "▁▂▃▄▅▆▇█" for char in line) == 0


async def test_a_click_on_a_panel_opens_the_screen_that_shows_more() -> None:
    async with watching(busy()) as pilot:
        await pilot.click("#impact")
        await settled(pilot)
        assert pilot.app.current_mode == "sprints"


async def test_an_hour_of_use_keeps_what_is_kept_flat() -> None:
    source = busy()
    async with watching(source) as pilot:
        app: Any = pilot.app
        for second in range(5_000):
            app.history.add({**OVERVIEW, "time_s": NOW_S + second})
        assert len(app.history) == 3_600


async def test_every_curve_has_its_turn_and_all_are_drawn_where_another_time_is_seen() -> None:
    source = busy()
    async with watching(source, size=(160, 48)) as pilot:
        drawn: list[str] = []
        for plot in pilot.app.screen.query(Plot):
            draw = plot._draw
            plot._draw = lambda plot=plot, draw=draw: (drawn.append(str(plot.id)), draw())  # type: ignore[method-assign]
        for look in range(1, 9):
            source.now_s += 4.0  # a column of a plot, so that each of them would change each time
            source.documents["overview"] = overview_at(NOW_S + 4 * look)
            before = len(drawn)
            await settled(pilot)
            assert len(drawn) - before <= 1
        assert set(drawn) == {"speed-plot", "queue-plot", "errors_per_min-plot", "cpu-plot"}
        drawn.clear()
        await pilot.press("shift+left", "shift+left")
        await settled(pilot)
        assert set(drawn) == {"speed-plot", "queue-plot", "errors_per_min-plot", "cpu-plot"}
        assert "then" in shown(pilot, below="TASKS / S")
