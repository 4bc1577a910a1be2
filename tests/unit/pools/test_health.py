"""Errors and recoveries are added up from where they were counted, and a rate is what came in the last minute."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pools.gauges import CELLS, FAILED, RESTARTED
from pools.health import Health
from pools.window import WINDOW_S


def row() -> memoryview:
    return memoryview(bytearray(CELLS * 8)).cast("Q")


@dataclass
class Seat:
    """A worker's place by hand."""

    state: str = "running"
    restarts: int = 0
    returns: int = 0
    cells: memoryview = field(default_factory=row)


def test_each_is_counted_where_it_happens() -> None:
    seats = [Seat(restarts=2, returns=2), Seat("backoff", 1, 1), Seat("down"), Seat("stopped", 3, 3)]
    seats[0].cells[FAILED], seats[0].cells[RESTARTED] = 7, 5
    seats[1].cells[FAILED], seats[1].cells[RESTARTED] = 1, 1
    mends = {"replaced": 1, "recovered": 2, "released": 0}
    health = Health(seats, mends)
    assert health.errors == {"tasks": 8, "workers": 2 + 2 + 1 + 3}
    assert health.recoveries == {"restarted": 6, "replaced": 1, "recovered": 2, "released": 0, "workers": 6}
    health.look(100.0)
    facts = health.facts(100.0)
    assert (facts["errors_per_min"], facts["recoveries_per_min"]) == (16, 15)
    mends["released"] += 1
    facts = health.facts(100.0 + WINDOW_S)
    assert (facts["errors_per_min"], facts["recoveries_per_min"]) == (0, 1)


@pytest.mark.parametrize(("state", "died"), [("running", 1), ("starting", 1), ("backoff", 2), ("down", 2), ("stopped", 1)])
def test_a_worker_that_is_away_has_died_once_more_than_it_was_started_again(state: str, died: int) -> None:
    assert Health([Seat(state, restarts=1)], {}).errors["workers"] == died
