"""A snapshot as a person reads it: every number from the snapshot, rates from two of them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cli.panel import WHY_SHED, panel
from engine.cli.screen import Screen


def snapshot(**changed: Any) -> dict[str, Any]:
    """What `stats --json` prints of a small engine."""
    return {
        "schema": "engine.stats/v1",
        "name": "nightly",
        "pid": 4242,
        "version": "0.1.0",
        "durability": "memory",
        "time_s": 100.0,
        "uptime_s": 192.0,
        "agents": {
            "total": 5_000,
            "live": 3_000,
            "asleep": 1_500,
            "dormant": 500,
            "limit": 10_000,
            "kinds": {"counter": 5_000},
        },
        "tasks": {"accepted": 1_010, "done": 1_000, "failed": 4, "cancelled": 3, "expired": 2, "open": 1},
        "journal": {"changes": "taken", "reason": ""},
        "latency_us": {"p50": 120, "p90": 400, "p99": 9_000, "count": 1_000, "sum": 9, "buckets": [[120, 600], [400, 400]]},
        "messages": {"tells": 70},
        "workers": {"total": 4, "running": 3, "restarts": 2, "full": 1, "stopped": 0},
        "waits": {"blocked": 0, "deadlocks": 0},
        "pressure": {"shed": dict.fromkeys(WHY_SHED, 0), "kinds": {}, "workers": {"p1": {"limit": 9, "window": 9}}},
        "alerts": [],
        "healing": {
            "errors": {"tasks": 1_004, "workers": 2},
            "recoveries": {"restarted": 1_000, "replaced": 2, "workers": 2},
            "errors_per_min": 12,
            "recoveries_per_min": 11,
        },
        "memory_bytes": {"engine": 20_000_000, "workers": 60_000_000, "total": 80_000_000},
        "pools": [],
        **changed,
    }


def text(**changed: Any) -> str:
    return "\n".join(panel(snapshot(**changed), None, Screen()))


def test_every_count_is_shown() -> None:
    shown = text()
    for part in (
        "engine nightly, up 3 m 12 s, pid 4242, version 0.1.0",
        "5,000 of 10,000: 3,000 live, 1,500 asleep, 500 dormant",
        "1,010 accepted: 1,000 done, 4 failed, 3 cancelled, 2 expired, 1 open",
        "p50 120 µs, p90 400 µs, p99 9 ms",
        "3 of 4 run, 1 refuse changes as the disk is full, 2 restarts",
        "1,006 errors, 1,004 recovered: in the last minute 12 and 11",
        "80 MB: 20 MB engine, 60 MB workers",
        "kept in memory",
    ):
        assert part in shown


def test_long_asks_and_consumers_that_take_nothing_are_named_where_there_are_any() -> None:
    assert "long asks" not in text()
    assert "takes nothing" not in text()
    alert = {"what": "agent", "name": "counter/7", "method": "nap", "for_s": 8.0}
    shown = text(waits={"blocked": 3, "deadlocks": 1}, alerts=[alert, alert])
    assert "3 long asks between agents, 1 deadlock broken" in shown
    assert "agent counter/7 takes nothing for 8" in shown
    assert "nap, and 1 more" in shown


def test_an_engine_without_errors_has_no_line_of_them() -> None:
    healing = {"errors": {"tasks": 0}, "recoveries": {}, "errors_per_min": 0, "recoveries_per_min": 0}
    assert "healing" not in text(healing=healing)


def test_an_engine_without_a_name_of_its_own_is_the_engine() -> None:
    assert text(name="engine").startswith("the engine, up ")


def test_what_is_not_known_is_said() -> None:
    assert "no task was answered yet" in text(latency_us={"p50": None, "p90": None, "p99": None, "count": 0})


def test_only_the_greatest_kinds_are_named() -> None:
    kinds = {f"k{number}": number for number in range(1, 9)}
    shown = text(agents={"total": 36, "live": 0, "asleep": 0, "dormant": 36, "limit": 50, "kinds": kinds})
    assert "8 k8, 7 k7, 6 k6, 5 k5, 4 k4 and 3 kinds more" in shown


def test_rates_come_from_two_snapshots() -> None:
    before = snapshot()
    after = snapshot(time_s=102.0, tasks={**before["tasks"], "done": 3_000}, messages={"tells": 80})
    lines = panel(after, before, Screen())
    assert any("1,000/s done, 5/s told, in the last 2 s" in line for line in lines)
    assert not any("/s done" in line for line in panel(after, None, Screen()))


def test_what_is_wrong_is_coloured_and_what_is_zero_is_not() -> None:
    tasks = {"accepted": 2, "done": 1, "failed": 1, "cancelled": 0, "expired": 0, "open": 0}
    shown = "\n".join(panel(snapshot(tasks=tasks), None, Screen(is_coloured=True)))
    assert "\x1b[31m1 failed\x1b[0m" in shown
    assert "0 cancelled" in shown
    assert "\x1b[33m0 cancelled" not in shown
    assert "\x1b[31m3 of 4 run\x1b[0m" in shown


def test_pressure_is_told_only_where_there_is_some() -> None:
    assert "pressure" not in text()
    shed = dict.fromkeys(WHY_SHED, 0) | {"rate": 5, "deadline": 1_200}
    pressed = text(pressure={"shed": shed, "kinds": {}, "workers": {"p1": {"limit": 4, "window": 9}}})
    assert "5 past their rate; 1,200 refused as they would be late; tasks at once: p1 4" in pressed


def test_a_recording_that_has_stopped_is_told() -> None:
    well = {"state": "recording", "reason": "", "count": 5}
    assert "recorded" not in text() + text(rewind=None) + text(rewind=well)
    assert "nothing is recorded: No space left" in text(rewind={**well, "state": "stopped", "reason": "No space left"})


@pytest.mark.parametrize(("state", "said"), [("full", "as the disk is full"), ("stopped", "as the disk has failed")])
def test_a_journal_is_shown_while_it_takes_nothing(state: str, said: str) -> None:
    assert "journal" not in text()
    [line] = [line for line in text(journal={"changes": state, "reason": "x"}).splitlines() if "journal" in line]
    assert said in line
