"""What a sprint cost is its seconds at the user's own prices; without a price there is no sum."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.cost import Price, cost_of, read_price
from sprints.errors import BadBacklog
from tests.support.ledgers import told_of


def test_seconds_of_cpu_and_of_the_machine_have_their_price() -> None:
    told = told_of([{"ran_s": 1_800.0}], exec_s=3_599.0, agents=500)
    cost = cost_of(told, Price("EUR", cpu_hour=0.04, machine_hour=0.1))
    assert cost.money == pytest.approx(0.5 * 0.04 + 1.0 * 0.1)
    assert cost.per_1000_agent_hours == pytest.approx(0.12 / 500 * 1_000)
    assert (cost.currency, cost.cpu_s, cost.models) == ("EUR", 1_800.0, {})
    assert cost_of(told, Price(cpu_hour=1.0), cpu_s=7_200.0).money == pytest.approx(2.0)


def test_time_that_goes_faster_costs_no_more_than_the_machine_runs() -> None:
    told = told_of([{"ran_s": 1_800.0}], exec_s=35_999.0, agents=500, speed=10.0)
    cost = cost_of(told, Price("EUR", cpu_hour=0.04, machine_hour=0.1))
    assert cost.money == pytest.approx(0.5 * 0.04 + 1.0 * 0.1)
    assert cost.per_1000_agent_hours == pytest.approx(0.12 / 500 * 1_000)


def test_without_a_price_or_agents_there_is_no_sum() -> None:
    cost = cost_of(told_of([{"ran_s": 2.0}]), None)
    assert (cost.cpu_s, cost.money, cost.per_1000_agent_hours) == (2.0, None, None)
    assert cost_of(told_of([{"ran_s": 2.0}], agents=0), Price(cpu_hour=1.0)).per_1000_agent_hours is None
    assert cost.row()["money"] is None


def test_a_price_is_read_from_the_configuration() -> None:
    assert read_price(None) is None
    assert read_price({"cpu_hour": 1}) == Price("USD", 1.0, 0.0)
    assert read_price({"currency": "EUR", "machine_hour": 0.5}) == Price("EUR", 0.0, 0.5)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (7, "a price has"),
        ({"cpu": 1}, "a price has"),
        ({"cpu_hour": -1}, "price.cpu_hour"),
        ({"cpu_hour": True}, "price.cpu_hour"),
        ({"cpu_hour": float("nan")}, "price.cpu_hour"),
        ({"machine_hour": "1"}, "price.machine_hour"),
        ({"currency": ""}, "price.currency"),
    ],
)
def test_a_wrong_price_is_named(row: Any, said: str) -> None:
    with pytest.raises(BadBacklog, match=said):
        read_price(row)
