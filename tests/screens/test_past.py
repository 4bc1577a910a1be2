"""Going back in time, on the screens."""

from __future__ import annotations

import pytest

from engine.dashboard.app import ActionRefused
from engine.dashboard.timeline import Timeline
from tests.screens.test_overview import read
from tests.support.glass import lines_of, shown, watching
from tests.support.sources import NOW_S, busy, overview_at, settled


async def test_an_arrow_goes_back_and_a_banner_says_so() -> None:
    async with watching(busy(), "left") as pilot:
        lines = lines_of(pilot)
        assert lines[0].rstrip().endswith("◀ PAST")
        assert lines[2].startswith(" ◀ PAST 10:54:01 (6.0 s ago)  10:49:07 ─")
        assert "10:54:06" in lines[2]
        assert lines[2].rstrip().endswith("l live")
        expected = overview_at(NOW_S - 6)["tasks"]["complete"]
        assert read(lines, "TASKS")["Complete"] == f"{expected:,}"


async def test_while_the_past_is_shown_nothing_is_asked_of_the_engine() -> None:
    source = busy()
    async with watching(source, "left") as pilot:
        source.asked.clear()
        source.now_s += 30.0
        await settled(pilot)
        assert source.asked == []
        assert "(36 s ago)" in lines_of(pilot)[2]


@pytest.mark.parametrize("key", ["l", "space", "end"])
async def test_a_key_comes_back_to_now(key: str) -> None:
    async with watching(busy(), "left", "left", key) as pilot:
        assert "● LIVE" in lines_of(pilot)[0]
        assert "PAST" not in shown(pilot)
        assert read(lines_of(pilot), "TASKS")["Complete"] == "8,654"


async def test_with_shift_it_is_a_minute_and_home_is_the_first_instant() -> None:
    async with watching(busy(), "left", "shift+left") as pilot:
        assert "PAST 10:53:01" in shown(pilot)
        await pilot.press("shift+right")
        await settled(pilot)
        assert "PAST 10:54:01" in shown(pilot)
        await pilot.press("home")
        await settled(pilot)
        assert "PAST 10:49:07 (5 min ago)" in shown(pilot)
        assert "10:49:07 ●" in lines_of(pilot)[2]


async def test_forth_past_the_last_instant_is_now() -> None:
    async with watching(busy(), "left", "right", "right") as pilot:
        assert "● LIVE" in lines_of(pilot)[0]


async def test_a_click_on_the_line_goes_there_and_on_live_comes_back() -> None:
    async with watching(busy(), "left") as pilot:
        line = lines_of(pilot)[2]
        first, last = line.index("─"), line.rindex("─")
        await pilot.click(Timeline, offset=((first + last) // 2, 0))
        await settled(pilot)
        middle = lines_of(pilot)[2]
        assert "PAST 10:51:" in middle
        await pilot.click(Timeline, offset=(line.rstrip().rindex("live") + 1, 0))
        await settled(pilot)
        assert "● LIVE" in lines_of(pilot)[0]


async def test_a_click_on_live_opens_the_past() -> None:
    async with watching(busy()) as pilot:
        await pilot.click("Header", offset=(75, 0))
        await settled(pilot)
        assert "PAST" in shown(pilot)


async def test_a_screen_of_which_nothing_is_recorded_says_so() -> None:
    async with watching(busy(), "left", "5") as pilot:
        assert "is not recorded" in shown(pilot)
        assert "sp-20261122-002" not in shown(pilot)
        await pilot.press("l")
        await settled(pilot)
        assert "is not recorded" not in shown(pilot)
        assert "sp-20261122-002" in shown(pilot)


async def test_workers_are_seen_as_they_were() -> None:
    async with watching(busy(), "2", "left", size=(120, 40)) as pilot:
        text = shown(pilot)
    assert "killed by signal 9" in text
    assert "is not recorded" not in text


async def test_nothing_can_be_done_in_the_past() -> None:
    source = busy()
    async with watching(source, "left") as pilot:
        with pytest.raises(ActionRefused, match="nothing can be done here"):
            await pilot.app.act("release", agent="counter/1")  # type: ignore[attr-defined]
    assert ("release", {"agent": "counter/1"}) not in source.asked


async def test_without_a_recording_it_says_so_and_stays_live() -> None:
    source = busy()
    source.recorded.clear()
    async with watching(source, "left") as pilot:
        assert [note.message for note in pilot.app._notifications] == ["nothing was recorded yet"]
        assert "● LIVE" in lines_of(pilot)[0]


async def test_the_curves_of_a_past_instant_are_those_of_the_minutes_before_it() -> None:
    source = busy()
    hours = 7_200
    source.recorded |= {NOW_S - hours - at: {"overview": overview_at(NOW_S - hours - at)} for at in range(600)}
    async with watching(source, "home") as pilot:
        assert "PAST" in shown(pilot)
        for _ in range(6):
            await pilot.press("shift+right")
            await settled(pilot)
        line = next(line for line in lines_of(pilot) if "Queue " in line and "█" in line)
    assert sum(char in "▁▂▃▄▅▆▇█" for char in line) > 40
