"""What a look costs: nothing is laid out, read or drawn again that has not changed."""

from __future__ import annotations

from typing import Any

import pytest
from textual.color import Color

from engine.dashboard.curves import Plot
from engine.dashboard.themes import DARK, LIGHT
from engine.dashboard.told import Told
from tests.support.glass import shown, watching
from tests.support.sources import OVERVIEW, busy, settled


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """The calls of a method from now on."""
    calls: list[tuple[Any, ...]] = []
    done = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *given, **facts: (calls.append(given), done(*given, **facts))[1])
    return calls


@pytest.mark.parametrize("keys", [(), ("2",), ("5",), ("question_mark",)])
async def test_a_look_lays_no_screen_out_anew(monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]) -> None:
    source = busy()
    async with watching(source, *keys, size=(160, 48)) as pilot:
        laid = counted(monkeypatch, pilot.app.screen._compositor, "reflow")
        for second in range(1, 4):
            source.now_s += 1.0
            tasks = {**OVERVIEW["tasks"], "queue": 300 + second, "complete": 8_654 + 9 * second}
            source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, "tasks": tasks}
            await settled(pilot)
        assert laid == []


async def test_words_are_drawn_where_they_are_others_and_laid_out_where_they_have_other_lines() -> None:
    source = busy()
    alerts = [{"level": "warning", "text": "one"}]
    source.documents["overview"] = {**OVERVIEW, "alerts": alerts}
    async with watching(source, size=(120, 40)) as pilot:
        told = pilot.app.screen.query_one("#alert-lines", Told)
        drawn: list[bool] = []
        told.refresh = lambda *_regions, layout=False, **_more: drawn.append(layout)  # type: ignore[method-assign,assignment,return-value]
        for texts in (["one"], ["two"], ["two", "three"]):
            source.now_s += 1.0
            alerts = [{"level": "warning", "text": text} for text in texts]
            source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, "alerts": alerts}
            await settled(pilot)
        assert drawn == [False, True]


async def test_a_figure_beside_a_curve_leaves_the_curve_as_it_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(busy(), size=(160, 48)) as pilot:
        plot = pilot.app.screen.query_one("#queue-plot", Plot)
        drawn, told = counted(monkeypatch, plot, "_picture"), counted(monkeypatch, plot, "render_line")
        plot.name_newest("4,711")
        await pilot.pause()
        assert "4,711" in shown(pilot)
        assert told
        assert drawn == []


async def test_axes_are_drawn_again_for_another_top_or_theme_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(busy(), size=(160, 48)) as pilot:
        plot = pilot.app.screen.query_one("#queue-plot", Plot)
        drawn = counted(monkeypatch, plot, "_set_axes")
        for values in ([90.0] * 75, [95.0] * 75, [90.0] * 70 + [None] * 5, [900.0] * 75):
            plot.show(values, "now")
            await pilot.pause()
        assert [marks for (marks,) in drawn] == [("0", "50", "100"), ("0", "500", "1,000")]
        await pilot.press("t")
        await settled(pilot)
        assert [marks for (marks,) in drawn][2:] == [("0", "500", "1,000")]


async def test_styles_are_read_again_for_another_theme_alone_and_every_screen_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(busy(), "2") as pilot:
        read = counted(monkeypatch, pilot.app.stylesheet, "reparse")
        for key in ("1", "5", "question_mark", "1"):
            await pilot.press(key)
            await settled(pilot)
        assert read == []
        assert pilot.app.screen.styles.background == Color.parse(DARK.background or "")
        await pilot.press("t")
        await settled(pilot)
        assert len(read) == 1
        for key in ("1", "2", "3", "5", "question_mark"):
            await pilot.press(key)
            await settled(pilot)
            assert pilot.app.screen.styles.background == Color.parse(LIGHT.background or ""), key
            assert pilot.app.screen.query_one("Header").styles.background == Color.parse(LIGHT.panel or ""), key
        assert len(read) == 1


async def test_a_screen_that_was_opened_first_is_told_of_once_it_is_full() -> None:
    opened: list[None] = []
    async with watching(busy(), opened=lambda: opened.append(None)) as pilot:
        for key, count in (("1", 1), ("2", 2), ("1", 2), ("2", 2), ("question_mark", 3)):
            await pilot.press(key)
            for _ in range(4):
                await settled(pilot)
            assert len(opened) == count
