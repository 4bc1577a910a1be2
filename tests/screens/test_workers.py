"""Pools and workers, read from the screen."""

from __future__ import annotations

import pytest

from engine.dashboard.rows import Rows
from tests.support.glass import lines_of, shown, watching
from tests.support.sources import OVERVIEW, busy, settled, worker


def cells(rows: Rows, key: str) -> dict[str, str]:
    """The cells of a row, by their headings."""
    return dict(zip(rows.titles, rows.texts(key), strict=True))


async def test_every_column_stands_there_where_there_is_room() -> None:
    async with watching(busy(), "2", size=(200, 48)) as pilot:
        rows = pilot.app.screen.query_one("#worker-rows", Rows)
        assert cells(rows, "p1/1") == {
            "WORKER": "p1/1", "STATE": "running", "TICKS/S": "1,204", "BUSY": "84.0 %", "AGENT": "backend/17", "FOR": "3.2 s",
            "METHOD": "answer", "QUEUE": "70", "DONE": "1,460", "FAILED": "98", "RESTARTS": "0", "MEMORY": "25 MB",
            "BREAKER": "closed", "PID": "4011", "REASON": "–",
        }  # fmt: skip
        assert cells(rows, "p1/2")["REASON"] == "killed by signal 9"
        assert cells(rows, "p1/2")["RESTARTS"] == "4"
        pools = pilot.app.screen.query_one("#pool-rows", Rows)
        assert cells(pools, "p2") == {
            "POOL": "p2", "STATE": "degraded", "WORKERS": "3", "AGENTS": "623 of 5,000", "ACTIVE": "598", "BUSY": "38.0 %",
            "QUEUE": "162", "DONE": "4,354", "FAILED": "27", "MEMORY": "210 MB", "FULL": "12.4 %", "BREAKER": "open",
        }  # fmt: skip
        assert cells(pools, "p1")["FULL"] == "89.0 %"


async def test_in_a_small_terminal_what_matters_most_stays() -> None:
    async with watching(busy(), "2") as pilot:
        rows = pilot.app.screen.query_one("#worker-rows", Rows)
        assert rows.titles == ["WORKER", "STATE", "TICKS/S", "BUSY", "AGENT", "FOR", "QUEUE", "BREAKER"]
        assert rows.virtual_size.width <= rows.size.width


async def test_the_heat_tells_each_worker_by_a_height_or_a_letter() -> None:
    async with watching(busy(), "2") as pilot:
        line = lines_of(pilot)[4]
    assert "p1 █▇D   p2 OOS" in line


async def test_only_rows_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    source = busy()
    async with watching(source, "2") as pilot:
        rows = pilot.app.screen.query_one("#worker-rows", Rows)
        drawn: list[tuple[int, ...]] = []
        whole = rows.refresh
        monkeypatch.setattr(
            rows,
            "refresh",
            lambda *regions, **more: (drawn.append(tuple(region.y for region in regions)), whole(*regions, **more)),
        )
        rates = OVERVIEW["rates"]
        workers = [{**one, "queue": 7} if one["worker"] == "p2/1" else one for one in rates["workers"]]
        source.now_s += 1.0
        source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, "rates": {**rates, "workers": workers}}
        await settled(pilot)
        assert drawn == [(1 + rows.keys.index("p2/1"),)]
        assert cells(rows, "p2/1")["QUEUE"] == "7"


async def test_the_cursor_stays_on_its_worker_when_rows_come_and_go() -> None:
    source = busy()
    async with watching(source, "2", "down", "down", "down") as pilot:
        rows = pilot.app.screen.query_one("#worker-rows", Rows)
        assert rows.chosen == "p2/0"
        rates = OVERVIEW["rates"]
        workers = [worker("p0/0"), *rates["workers"][1:]]
        source.now_s += 1.0
        source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, "rates": {**rates, "workers": workers}}
        await settled(pilot)
        assert rows.chosen == "p2/0"
        source.now_s += 1.0
        source.documents["overview"] = {**OVERVIEW, "time_s": source.now_s, "rates": {**rates, "workers": []}}
        await settled(pilot)
        assert rows.chosen is None


async def test_a_thousand_workers_are_no_burden() -> None:
    source = busy()
    rates = OVERVIEW["rates"]
    many = [worker(f"p{number // 10}/{number % 10}") for number in range(1_000)]
    source.documents["overview"] = {**OVERVIEW, "rates": {**rates, "workers": many}}
    async with watching(source, "2", size=(160, 48)) as pilot:
        assert pilot.app.screen.query_one("#worker-rows", Rows).row_count == 1_000
        assert "p0/0" in shown(pilot)


async def test_the_table_is_gone_through_by_keys() -> None:
    source = busy()
    rates = OVERVIEW["rates"]
    many = [worker(f"p{number // 10}/{number % 10}") for number in range(100)]
    source.documents["overview"] = {**OVERVIEW, "rates": {**rates, "workers": many}}
    async with watching(source, "2", size=(160, 48)) as pilot:
        rows = pilot.app.screen.query_one("#worker-rows", Rows)
        page = rows.size.height - 1
        for key, row in (("j", 1), ("k", 0), ("k", 0), ("pagedown", page), ("pageup", 0), ("G", 99), ("j", 99), ("g", 0)):
            await pilot.press(key)
            assert rows.chosen == many[row]["worker"], key
            assert rows.scroll_y <= row <= rows.scroll_y + page, "what is chosen is seen"


async def test_a_click_chooses_a_row_and_another_one_opens_it() -> None:
    async with watching(busy(), "2", size=(160, 48)) as pilot:
        rows = pilot.app.screen.query_one("#worker-rows", Rows)
        await pilot.click(rows, offset=(5, 2))
        assert rows.chosen == "p1/1"
        await pilot.click(rows, offset=(5, 0))
        await pilot.click(rows, offset=(5, 20))
        assert rows.chosen == "p1/1", "headings and what is empty are no rows"
        await pilot.hover(rows, offset=(5, 3))
        plain, hovered, chosen = (next(iter(rows.render_line(y))).style for y in (4, 3, 2))
        assert len({plain, hovered, chosen}) == 3
        await pilot.click(rows, offset=(5, 2))
        await settled(pilot)
        assert "backend/17" in shown(pilot)
        assert pilot.app.screen is not rows.screen
