"""The frame around all screens: what is asked when, what is old, keys, mouse, palette, themes."""

from __future__ import annotations

import asyncio

import pytest

from engine.dashboard.header import TITLE
from engine.dashboard.screens import PLACES
from engine.errors import NotRunning
from tests.support.closeups import close
from tests.support.glass import lines_of, shown, watching
from tests.support.sources import NOW_S, OVERVIEW, PlantedSource, busy, settled


async def test_the_header_tells_engine_sprint_phase_time_left_and_progress() -> None:
    async with watching(busy()) as pilot:
        first, second = lines_of(pilot)[:2]
    assert first.startswith(f" {TITLE}  engine · durability sync")
    assert first.rstrip().endswith("● LIVE 0.0 s")
    assert second.startswith(" sp-20261122-003  EXEC wave 2  07:41 left  ━")
    assert second.rstrip().endswith("48 %")
    assert second.count("━") / (second.count("━") + second.count("─")) == pytest.approx(0.48, abs=0.02)


async def test_the_time_left_runs_on_between_two_documents() -> None:
    source = busy()
    async with watching(source) as pilot:
        asked = len(source.asked)
        source.now_s += 0.9
        await settled(pilot)
        assert len(source.asked) == asked
        assert "07:40 left" in lines_of(pilot)[1]
        assert "LIVE 0.9 s" in lines_of(pilot)[0]


async def test_each_document_is_asked_for_once_a_second_and_not_while_one_is_on_its_way() -> None:
    source = busy()
    async with watching(source) as pilot:
        source.asked.clear()
        source.gate = asyncio.Event()
        for _ in range(5):
            source.now_s += 1.0
            pilot.app.tick()  # type: ignore[attr-defined]
            await pilot.pause()
        assert source.asked == [("overview", {})]
        source.gate.set()
        await settled(pilot)
        source.gate = None
        source.now_s += 1.0
        await settled(pilot)
        assert set(map(str, source.asked)) == {"('overview', {})"}
        assert len(source.asked) > 1


async def test_what_is_old_is_grey_and_says_so() -> None:
    source = busy()
    async with watching(source) as pilot:
        assert not pilot.app.screen.has_class("stale")
        source.gate = asyncio.Event()
        source.now_s += 5.0
        pilot.app.tick()  # type: ignore[attr-defined]
        await pilot.pause()
        assert not pilot.app.screen.has_class("stale"), "who has slept asks before anything is called old"
        assert "● LIVE 5.0 s" in lines_of(pilot)[0]
        source.now_s += 0.6
        pilot.app.tick()  # type: ignore[attr-defined]
        await pilot.pause()
        assert pilot.app.screen.has_class("stale")
        assert "○ STALE, 5.6 s old" in lines_of(pilot)[0]
        source.gate.set()
        await settled(pilot)
        assert not pilot.app.screen.has_class("stale")


async def test_an_engine_that_went_is_waited_for_and_seen_again() -> None:
    source = busy()
    async with watching(source) as pilot:
        source.is_live = False
        source.now_s += 2.0
        await settled(pilot)
        assert "✗ NO ENGINE, as of 2.0 s ago" in lines_of(pilot)[0]
        assert pilot.app.screen.has_class("stale")
        assert "1,247" in shown(pilot, below="AGENTS")
        source.is_live = True
        source.now_s += 1.0
        source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, "agents": {**OVERVIEW["agents"], "total": 777}}
        await settled(pilot)
        assert "● LIVE 0.0 s" in lines_of(pilot)[0]
        assert "777" in shown(pilot, below="AGENTS")
        assert not pilot.app.screen.has_class("stale")


async def test_before_an_engine_runs_it_says_what_to_do() -> None:
    source = PlantedSource(overview=NotRunning("no engine named 'engine' runs; start one with: engine spawn --count 5000"))
    source.is_live = False
    async with watching(source, size=(120, 40)) as pilot:
        assert "✗ NO ENGINE" in lines_of(pilot)[0]
        assert "start one with" in shown(pilot, below="ALERTS") or "no engine named" in shown(pilot, below="ALERTS")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_each_screen_has_its_key_its_tab_and_its_line_in_the_palette(place: object) -> None:
    async with watching(busy(), place.key) as pilot:  # type: ignore[attr-defined]
        assert pilot.app.current_mode == place.name  # type: ignore[attr-defined]
        titles = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        assert f"Go to {place.name}" in titles  # type: ignore[attr-defined]
        await pilot.press("1")
        await settled(pilot)
        line = lines_of(pilot)[2]
        await pilot.click("Places", offset=(line.index(f" {place.key} ") + 1, 0))  # type: ignore[attr-defined]
        await settled(pilot)
        assert pilot.app.current_mode == place.name  # type: ignore[attr-defined]


async def test_tabs_fit_into_a_narrow_terminal() -> None:
    async with watching(busy(), size=(44, 24)) as pilot:
        line = lines_of(pilot)[2]
        assert all(f" {place.key} " in line for place in PLACES)


async def test_the_palette_opens_by_a_colon_and_finds_a_screen() -> None:
    async with watching(busy(), "colon") as pilot:
        await pilot.press(*"sprints")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.2)
        await pilot.press("enter")
        await settled(pilot)
        assert pilot.app.current_mode == "sprints"


async def test_the_footer_names_the_keys_also_in_a_small_terminal() -> None:
    async with watching(close()) as pilot:
        for keys in (*((place.key,) for place in PLACES), ("3", "enter"), ("4", "d"), ("4", "enter")):
            for key in keys:
                await pilot.press(key)
                await settled(pilot)
            footer = lines_of(pilot)[-1]
            assert all(word in footer for word in ("← Past", "? Help", "q Quit", "^p Menu")), footer
            assert "Live" not in footer, "it is"
            await pilot.press("escape")


async def test_who_looks_at_the_past_is_told_the_way_back() -> None:
    async with watching(busy(), "left") as pilot:
        assert "l Live" in lines_of(pilot)[-1]
        await pilot.press("l")
        await settled(pilot)
        assert "l Live" not in lines_of(pilot)[-1]


async def test_arrows_lead_through_time_on_every_screen() -> None:
    async with watching(busy(), size=(80, 12)) as pilot:
        for place in PLACES:
            await pilot.press(place.key)
            await settled(pilot)
            await pilot.press("left")
            await settled(pilot)
            assert not pilot.app.is_now, f"{place.name}: left and right scroll nothing"  # type: ignore[attr-defined]
            await pilot.press("l")
            await settled(pilot)


@pytest.mark.parametrize("size", [(80, 14), (50, 20), (30, 12)])
async def test_in_a_terminal_that_is_too_small_every_cell_can_be_scrolled_to(size: tuple[int, int]) -> None:
    async with watching(busy(), size=size) as pilot:
        board = pilot.app.screen.query_one("#overview")
        seen = shown(pilot)
        while board.scroll_y < board.max_scroll_y:
            await pilot.press("pagedown")
            await pilot.wait_for_scheduled_animations()
            seen += shown(pilot)
    for text in ("1,247", "8,654", "18,420", "2.14 MB/s", "$0.70", "1,204", "frontend/342", "ERROR"):
        assert text in seen, text


@pytest.mark.parametrize("columns", [1, 2, 10, 20, 30])
async def test_how_old_it_is_stands_there_however_narrow_it_is(columns: int) -> None:
    async with watching(busy(), size=(columns, 24)) as pilot:
        first, second, third = lines_of(pilot)[:3]
    assert first.rstrip() == " ● LIVE 0.0 s "[:columns].rstrip() or first.endswith(" ● LIVE 0.0 s ")
    assert second.startswith(" sp-20261122-003"[: columns - 1]), "a line is cut, and takes no other's place"
    assert third.startswith(" 1"[:columns])


async def test_light_and_dark_change_by_a_key() -> None:
    async with watching(busy()) as pilot:
        assert pilot.app.current_theme.dark
        await pilot.press("t")
        assert not pilot.app.current_theme.dark
        await pilot.press("t")
        assert pilot.app.current_theme.dark


async def test_without_colour_nothing_has_one() -> None:
    async with watching(busy(), size=(120, 40), has_colour=False) as pilot:
        for key in [place.key for place in PLACES]:
            await pilot.press(key)
            await settled(pilot)
            svg = pilot.app.export_screenshot()
            colours = {part.split('"')[0] for part in svg.split('fill="')[1:]} | {
                part.split(";")[0].strip() for part in svg.split("fill:")[1:]
            }
            vivid = [one for one in colours if one.startswith("#") and len(one) == 7 and _spread(one) > 8]
            # the three buttons of the window that the picture draws around
            assert set(vivid) <= {"#ff5f57", "#febc2e", "#28c840"}


def _spread(colour: str) -> int:
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return max(parts) - min(parts)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 60)])
async def test_it_can_be_made_larger_and_smaller_at_any_time(size: tuple[int, int]) -> None:
    async with watching(busy(), size=(100, 30)) as pilot:
        for key in [place.key for place in PLACES]:
            await pilot.press(key)
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert {len(line) for line in lines_of(pilot)} == {size[0]}
            assert TITLE in lines_of(pilot)[0]
            await pilot.resize_terminal(100, 30)
            await settled(pilot)


async def test_ctrl_c_and_q_end_it_and_the_connection() -> None:
    for key, code in (("q", 0), ("ctrl+c", 130)):
        source = busy()
        async with watching(source) as pilot:
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.return_value == code
        assert source.is_closed or key == "ctrl+c"


async def test_what_cannot_be_done_is_said_and_raised() -> None:
    source = busy()
    source.documents["release"] = ValueError("counter/1 is not in quarantine")
    async with watching(source) as pilot:
        with pytest.raises(ValueError, match="not in quarantine"):
            await pilot.app.act("release", agent="counter/1")  # type: ignore[attr-defined]
        await pilot.pause()
        assert [note.message for note in pilot.app._notifications] == ["counter/1 is not in quarantine"]
    assert ("release", {"agent": "counter/1"}) in source.asked


async def test_after_something_was_done_the_screen_is_asked_for_anew() -> None:
    source = busy()
    source.documents["release"] = {"agent": "counter/1"}
    async with watching(source) as pilot:
        source.asked.clear()
        await pilot.app.act("release", agent="counter/1")  # type: ignore[attr-defined]
        await settled(pilot)
    assert source.asked[:2] == [("release", {"agent": "counter/1"}), ("overview", {})]
    assert source.now_s == NOW_S
