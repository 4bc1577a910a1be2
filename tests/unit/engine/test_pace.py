"""The time in which a worker runs tasks is known while a run goes on, and never counted twice."""

from __future__ import annotations

import pytest

from engine.pace import Pace
from pools.gauges import BUSY_NS, BUSY_SINCE_NS, CELLS, TICKS


def row() -> memoryview:
    return memoryview(bytearray(CELLS * 8)).cast("Q")


def test_what_the_gauge_tells_counts() -> None:
    cells = row()
    cells[BUSY_NS] = 5_000_000_000  # of another time
    pace = Pace(cells, 10.0)
    assert (pace.busy(), pace.ticks_per_s()) == (None, None)
    for second in range(1, 21):
        cells[BUSY_NS] += 300_000_000
        cells[TICKS] += 50
        pace.look(100.0 + second)
    assert pace.busy() == pytest.approx(0.3)
    assert pace.ticks_per_s() == pytest.approx(50)


def test_a_run_that_goes_on_counts_while_it_does_and_once() -> None:
    cells = row()
    pace = Pace(cells, 60.0)
    pace.look(100.0)
    cells[BUSY_SINCE_NS] = 100_500_000_000
    for second in range(1, 6):
        pace.look(100.0 + second)
    assert pace.busy_s == pytest.approx(4.0), "since it was seen first"
    cells[BUSY_NS], cells[BUSY_SINCE_NS] = 5_000_000_000, 0  # it ended at 105.5
    pace.look(106.0)
    assert pace.busy_s == pytest.approx(5.0)
    pace.look(107.0)
    assert pace.busy_s == pytest.approx(5.0)


def test_a_share_is_never_more_than_all() -> None:
    cells = row()
    pace = Pace(cells, 10.0)
    pace.look(100.0)
    cells[BUSY_NS] = 3_000_000_000
    pace.look(101.0)
    assert pace.busy() == 1.0
