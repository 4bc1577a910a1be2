"""Each cell of the overview follows from one count, sums add up, and what is not known is None."""

from __future__ import annotations

from typing import Any

import pytest

from engine.overview import SCHEMA, Measured, overview


def stats(**more: Any) -> dict[str, Any]:
    """A document of an engine that has done something."""
    document: dict[str, Any] = {
        "time_s": 1_000.0,
        "name": "engine",
        "version": "1.2.3",
        "uptime_s": 60.0,
        "durability": "sync",
        "agents": {"total": 1_247, "live": 3, "asleep": 4, "dormant": 1_240},
        "tasks": {"accepted": 9_000, "done": 8_654, "failed": 120, "cancelled": 9, "expired": 7, "open": 210},
        "healing": {"sick": 7, "errors_per_min": 5, "recoveries_per_min": 4},
        "memory_bytes": {"engine": 30, "workers": 70, "total": 100},
    }
    return document | more


def test_agents_and_tasks_add_up() -> None:
    shown = overview(stats(), Measured(active=1_198)).as_dict()
    assert shown["agents"] == {"total": 1_247, "active": 1_198, "idle": 42, "failed": 7}
    tasks = shown["tasks"]
    assert (tasks["queue"], tasks["complete"], tasks["failed"], tasks["cancelled"]) == (210, 8_654, 127, 9)
    assert tasks["accepted"] == tasks["queue"] + tasks["complete"] + tasks["failed"] + tasks["cancelled"]
    assert tasks["success"] == pytest.approx(8_654 / (8_654 + 127))


@pytest.mark.parametrize(("total", "sick", "active"), [(5, 2, 5), (5, 9, 1), (0, 0, 3), (4, 4, 4)])
def test_nobody_is_counted_twice(total: int, sick: int, active: int) -> None:
    agents = stats()["agents"] | {"total": total}
    healing = stats()["healing"] | {"sick": sick}
    shown = overview(stats(agents=agents, healing=healing), Measured(active=active)).agents
    assert shown["total"] == sum(shown[part] or 0 for part in ("active", "idle", "failed"))
    assert all((count or 0) >= 0 for count in shown.values())


def test_what_is_not_known_is_none() -> None:
    empty = stats(tasks=dict.fromkeys(("accepted", "done", "failed", "cancelled", "expired", "open"), 0))
    shown = overview(empty, Measured()).as_dict()
    assert shown["schema"] == SCHEMA
    assert next(iter(shown)) == "schema"
    assert shown["agents"] == {"total": 1_247, "active": None, "idle": None, "failed": 7}
    assert shown["tasks"]["success"] is None
    assert set(shown["sprint"].values()) == set(shown["impact"].values()) == {None}
    assert shown["cost"] == {"currency": None, "providers": {"local": None}, "total": None}
    assert shown["resources"]["memory"] is None
    assert shown["top"] == []


def test_memory_is_a_share_of_what_there_is() -> None:
    resources = overview(stats(), Measured(machine_bytes=400)).resources
    assert (resources["memory_bytes"], resources["memory"]) == (100, 0.25)


def test_all_is_well_where_nothing_else_is_said() -> None:
    assert overview(stats(), Measured()).alerts == [{"level": "ok", "text": "All systems operational"}]
    alert = {"level": "error", "text": "worker p1/0 is down", "since_s": 1.0}
    assert overview(stats(), Measured(alerts=[alert])).alerts == [alert]
