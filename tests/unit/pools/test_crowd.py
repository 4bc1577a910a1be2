"""Queued agents are counted once each, without those whose task waits, and as often as that may cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pools.crowd import IDLE_PACE_NS, PACE_NS, REST, TASK_NS, Crowd, queued
from pools.gauges import CELLS, QUEUED


def job(kind: str, keys: list[Any], begun: int = 0, busy: dict[Any, Any] | None = None) -> Any:
    residents = SimpleNamespace(kind=SimpleNamespace(name=kind), busy=busy or {})
    return SimpleNamespace(residents=residents, keys=keys, next=begun)


def row() -> memoryview:
    return memoryview(bytearray(CELLS * 8)).cast("Q")


def test_each_agent_counts_once_over_all_jobs_and_by_its_kind() -> None:
    assert queued([]) == 0
    assert queued([job("a", [1, 2, 2, 1]), job("a", [2, 3]), job("b", [1])]) == 4
    assert queued([job("a", [1, 2, 3], begun=2)]) == 1, "what has run is queued no more"
    assert queued([job("a", [1, 2, 3], busy={2: None})]) == 2, "whose task waits is counted otherwise"
    assert queued([SimpleNamespace(residents=None, keys=[1], next=0)]) == 0  # type: ignore[list-item]


def test_samples_are_apart_and_the_first_after_a_rest_is_soon() -> None:
    cells = row()
    crowd = Crowd(cells)
    crowd.look([job("a", [1, 2])], 2, 1_000)
    assert cells[QUEUED] == 2
    assert crowd.due_ns == 1_000 + PACE_NS
    crowd.emptied()
    assert cells[QUEUED] == 0
    assert crowd.due_ns == 1_000 + IDLE_PACE_NS


def test_a_long_queue_is_looked_at_seldom() -> None:
    crowd, tasks = Crowd(row()), 1_000_000
    crowd.look([job("a", list(range(10)))], tasks, 0)
    assert crowd.due_ns == tasks * TASK_NS * REST > PACE_NS
    crowd.emptied()
    assert crowd.due_ns == tasks * TASK_NS * REST


def test_a_new_process_begins_with_nobody() -> None:
    cells = row()
    cells[QUEUED] = 7
    Crowd(cells)
    assert cells[QUEUED] == 0
