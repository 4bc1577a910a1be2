"""Rows say how much there was within a while: exactly where they can, else between two numbers; nothing where they are gone."""

from __future__ import annotations

from typing import Any

import pytest

from engine.recount.daycount import DayCount, Span, is_within

BEGAN_S, UP_S = 5_000.0, 100.0


def stats(clock_s: float) -> dict[str, Any]:
    """A document of this engine at a moment of its clock."""
    return {"time_s": BEGAN_S + clock_s - UP_S, "uptime_s": clock_s - UP_S}


def row(number: int, clock_s: float, errors: int = 0, *, is_look: bool = True, **more: Any) -> dict[str, Any]:
    moment = {"number": number, "clock_s": clock_s, "time_s": stats(clock_s)["time_s"], "is_look": is_look, "lag_s": 0.0}
    known = {"began_s": BEGAN_S, "up_s": UP_S, "errors": errors, "workers": 2, "busy_s": 0.0, "frames_bytes": 0}
    return {**known, **moment, "prices": None, "cpu_s": 0.0, **more}


def days(*rows: dict[str, Any]) -> DayCount:
    found = DayCount()
    for each in rows:
        found.logged("count", each["number"] % 256, each)
    return found


def grown(found: DayCount, last: dict[str, Any], *, goes_on: bool = False) -> Span | None:
    return found.grown(last, stats(last["clock_s"]), lambda each: each["errors"], goes_on=goes_on)


def test_a_minute_begins_at_the_last_look_before_it() -> None:
    last = row(4, 200.5, 30, is_look=False)
    found = days(row(0, 101.0, 1), row(1, 139.0, 5), row(2, 141.0, 9), row(3, 200.0, 20), last)
    assert grown(found, last) == Span(25, 25)
    assert grown(found, last, goes_on=True) == Span(15, 25), "workers may have counted on meanwhile"
    assert grown(days(row(0, 101.0, 1), last), last) == Span(29, 29), "nothing happened between"
    assert grown(days(row(7, 150.0, 1), last), last) is None, "what was before is gone"


def test_a_young_engine_counts_from_its_begin() -> None:
    last = row(1, 130.0, 7)
    assert grown(days(row(0, 101.0, 1), last), last) == Span(7, 7)


def test_rows_of_another_engine_are_passed_over() -> None:
    last = row(3, 130.0, 7)
    other = row(2, 110.0, 99) | {"began_s": BEGAN_S - 1_000.0}
    found = days(other, last)
    assert [each["number"] for each in found.of(stats(130.0))] == [3]
    assert found.numbered(stats(130.0), 2) is None


def test_use_is_known_where_a_row_was_written_as_its_while_began() -> None:
    last = row(9, 200.0, is_look=False, frames_bytes=5_000)
    found = days(row(8, 189.5, frames_bytes=800), last)
    assert found.used(last, stats(200.0), "frames_bytes") == Span(400.0, 400.0)
    assert days(row(8, 188.5, frames_bytes=800), last).used(last, stats(200.0), "frames_bytes") is None, (
        "another look may be newer"
    )
    young = row(1, 104.0, is_look=False, frames_bytes=400)
    assert days(young).used(young, stats(104.0), "frames_bytes") == Span(100.0, 100.0)


def test_cost_is_of_cpu_and_time() -> None:
    cost = DayCount.cost(row(1, UP_S + 3_600.0, prices=[2.0, 0.5], cpu_s=1_800.0))
    assert cost is not None
    assert is_within(1.5, cost)
    assert cost.high - cost.low < 1e-4
    assert DayCount.cost(row(1, 200.0)) is None


def test_who_did_most_is_a_sum_over_workers_of_those_who_are_there() -> None:
    last = row(5, 200.0)
    found = days(last)
    assert found.most(last, lambda _kind, _key: True) is None
    workers = [[["a", 1, 5], ["a", 2, 9]], [["a", 1, 6], ["b", "x", 1]]]
    found.folded("top", "top", {"number": 5, "began_s": BEGAN_S, "workers": workers})
    assert found.most(last, lambda _kind, key: key != 2) == {"a/1": 11, "b/x": 1}


@pytest.mark.parametrize(("number", "is_right"), [(10, True), (12, True), (13, False), (None, False)])
def test_a_number_is_within_what_was_counted(number: float | None, is_right: bool) -> None:
    assert is_within(number, Span(10, 12)) is is_right
