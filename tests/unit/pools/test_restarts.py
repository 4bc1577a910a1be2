"""A worker that died is started again a bounded number of times, later and later."""

from __future__ import annotations

from random import Random

from pools.restarts import FIRST_WAIT_S, JITTER, LONGEST_WAIT_S, RestartBudget
from pools.spec import RESTART_WINDOW_S, RESTARTS


def budget(restarts: int = RESTARTS, seed: int = 1) -> RestartBudget:
    return RestartBudget(Random(seed), restarts=restarts)


def test_a_worker_that_dies_at_once_is_not_restarted_for_ever() -> None:
    deaths = budget()
    waits = [deaths.died(0.1 * number, has_worked=False) for number in range(RESTARTS + 1)]
    assert None not in waits[:RESTARTS]
    assert waits[RESTARTS] is None


def test_each_wait_is_longer_than_the_one_before_and_bounded() -> None:
    deaths = budget(restarts=20)
    waits = [deaths.died(0.0, has_worked=False) or 0.0 for _ in range(20)]
    for number, wait in enumerate(waits):
        full = min(FIRST_WAIT_S * 2**number, LONGEST_WAIT_S)
        assert full * (1 - JITTER) <= wait <= full


def test_a_death_after_work_forgives_those_before_and_costs_no_wait() -> None:
    deaths = budget()
    for number in range(100):
        assert deaths.died(0.1 * number, has_worked=True) == 0
    assert deaths.died(10.0, has_worked=False)


def test_deaths_leave_the_window() -> None:
    deaths = budget(restarts=2)
    assert [
        deaths.died(at, has_worked=False) is None
        for at in (0.0, 1.0, RESTART_WINDOW_S, RESTART_WINDOW_S + 0.5, RESTART_WINDOW_S + 1.0)
    ] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_a_death_once_a_window_is_always_mended() -> None:
    deaths = budget(restarts=1)
    assert all(deaths.died(number * RESTART_WINDOW_S, has_worked=False) is not None for number in range(50))


def test_the_same_seed_waits_the_same_and_another_does_not() -> None:
    def waits(seed: int) -> list[float | None]:
        deaths = budget(seed=seed)
        return [deaths.died(0.0, has_worked=False) for _ in range(5)]

    assert waits(1) == waits(1)
    assert waits(1) != waits(2)


def test_a_budget_of_none_restarts_nothing() -> None:
    assert budget(restarts=0).died(0.0, has_worked=False) is None
