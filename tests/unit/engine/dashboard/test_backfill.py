"""Curves of the minutes before somebody looked."""

from __future__ import annotations

from engine.dashboard.backfill import POINTS, fill
from engine.dashboard.history import SPAN_S, History
from tests.support.sources import NOW_S, PlantedSource, busy, overview_at


async def test_what_was_recorded_of_the_last_minutes_is_read_in_few_looks() -> None:
    source, history = busy(), History()
    assert await fill(source, history, NOW_S) == POINTS
    columns = history.values("queue", NOW_S, 30)
    assert all(value is not None for value in columns)


async def test_what_is_known_is_not_read_again() -> None:
    source, history = busy(), History()
    for second in range(int(SPAN_S) + 1):
        history.add(overview_at(NOW_S - second))
    assert await fill(source, history, NOW_S) == 0


async def test_where_nothing_was_recorded_nothing_comes() -> None:
    assert await fill(PlantedSource(), History(), NOW_S) == 0
    source = PlantedSource()
    source.recorded = {NOW_S - 5: {"stats": {}}}
    assert await fill(source, History(), NOW_S) == 0
