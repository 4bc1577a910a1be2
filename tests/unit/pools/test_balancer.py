"""A task sent to a kind goes to the least loaded pool, and its agents take turns."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pools.balancer import Balancer
from pools.errors import PoolUnavailable, UnknownKind
from pools.placement import Placement
from pools.pool import Pool
from pools.spec import PoolSpec


class Fake:
    """A pool as the balancer sees it."""

    def __init__(self, workers: int = 1, state: str = "up") -> None:
        self.open = 0
        self.state = state
        self.seats = [SimpleNamespace(state="running" if state == "up" else state) for _ in range(workers)]


def balancer(*pools: Fake, agents: int = 10) -> tuple[Balancer, Placement]:
    placement = Placement([PoolSpec(f"p{number}", agents=agents) for number in range(len(pools))], 10_000)
    placement.add_range("counter", agents * len(pools))
    return Balancer(placement, cast("list[Pool]", list(pools))), placement


def pools_of(chosen: list[Any], placement: Placement) -> Counter[int]:
    return Counter(placement.pool_of("counter", key) for key in chosen)


def test_equal_pools_get_equally_many() -> None:
    chooser, placement = balancer(Fake(), Fake(), Fake())
    counts = pools_of([chooser.pick("counter") for _ in range(300)], placement)
    assert counts == {0: 100, 1: 100, 2: 100}


@pytest.mark.parametrize("pools", [1, 2, 3, 4])
def test_every_agent_gets_its_turn_before_one_gets_two_more(pools: int) -> None:
    """An idle agent is found without asking only if none is left out."""
    chooser, _ = balancer(*(Fake() for _ in range(pools)))
    chosen = Counter(chooser.pick("counter") for _ in range(20 * pools))
    assert len(chosen) == 10 * pools
    assert set(chosen.values()) == {2}


def test_two_kinds_asked_in_turn_use_all_their_agents() -> None:
    chooser, placement = balancer(Fake(), agents=10)
    placement.limit = 100
    placement.pools = (PoolSpec("p0", agents=100),)
    placement.add_range("other", 10)
    chosen = Counter((kind, chooser.pick(kind)) for _ in range(20) for kind in ("counter", "other"))
    assert len(chosen) == 20


def test_the_pool_with_the_least_open_tasks_is_chosen() -> None:
    busy, idle = Fake(), Fake()
    busy.open = 100
    chooser, placement = balancer(busy, idle)
    assert set(pools_of([chooser.pick("counter") for _ in range(20)], placement)) == {1}


def test_a_pool_of_more_workers_takes_more() -> None:
    small, large = Fake(1), Fake(4)
    small.open, large.open = 10, 20
    chooser, placement = balancer(small, large)
    assert set(pools_of([chooser.pick("counter") for _ in range(20)], placement)) == {1}


def test_a_pool_that_is_down_is_passed_over() -> None:
    down, up = Fake(state="down"), Fake()
    up.open = 10_000
    chooser, placement = balancer(down, up)
    assert set(pools_of([chooser.pick("counter") for _ in range(20)], placement)) == {1}


def test_with_every_pool_down_the_caller_is_told_at_once_or_by_the_link() -> None:
    chooser, placement = balancer(Fake(state="down"), Fake(state="down"))
    try:
        key = chooser.pick("counter")
    except PoolUnavailable:
        return
    assert placement.pool_of("counter", key) in (0, 1)


def test_a_kind_without_agents_is_refused_by_name() -> None:
    chooser, _ = balancer(Fake())
    with pytest.raises(UnknownKind, match="nope"):
        chooser.pick("nope")
