"""Errors and recoveries are added up from where they were counted, and a rate is what came in the last minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from pools.gauges import CELLS, FAILED, RESTARTED
from pools.health import WINDOW_S, Health, Minute


def row() -> memoryview:
    return memoryview(bytearray(CELLS * 8)).cast("Q")


@dataclass
class Seat:
    """A worker's place by hand."""

    state: str = "running"
    restarts: int = 0
    returns: int = 0
    cells: memoryview = field(default_factory=row)


def test_a_minute_knows_what_came_in_it_and_forgets_what_came_before() -> None:
    minute = Minute()
    assert minute.grown(5, 0.0) == 5, "the engine is younger than the window"
    for at in range(200):
        minute.look(at * 2, float(at))
    assert minute.grown(398, 199.0) == 120
    assert minute.grown(398, 199.0 + WINDOW_S) == 0
    assert len(minute._seen) <= WINDOW_S + 1
    assert minute.grown(0, 199.0) == 0, "a count that was lost is no rate"


def test_a_rate_is_that_of_a_count_by_hand(chance: Random) -> None:
    minute, at_s, total = Minute(), 0.0, 0
    came: list[float] = []
    for _ in range(600):
        at_s += chance.uniform(0.2, 2.0)
        for _ in range(chance.randrange(3)):
            came.append(at_s)
            total += 1
        minute.look(total, at_s)
        exact = sum(when > at_s - WINDOW_S for when in came)
        late = sum(when > at_s - WINDOW_S - 2.0 for when in came)
        assert exact <= minute.grown(total, at_s) <= late


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
