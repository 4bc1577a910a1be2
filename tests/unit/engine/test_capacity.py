"""Pools that cannot exist together on a machine are refused by name, before anything is started."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.capacity import BOUNDS, POOLS_MOST, check_agents_limit, check_pools
from engine.errors import ConfigError
from engine.keys import POOL_KEYS
from engine.machine import Machine
from pools.spec import PoolSpec

MACHINE = Machine(cores=2, mem_bytes=8_000_000_000)
P1, P2, P3 = PoolSpec("p1"), PoolSpec("p2"), PoolSpec("p3")


def refused(*pools: PoolSpec, limit: int = 10_000) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        check_pools(pools, limit, MACHINE)
    return caught.value


def test_pools_that_just_fit_are_taken() -> None:
    hard = [PoolSpec(f"p{n}", cpu=0.1, cpu_hard=True, mem_bytes=800_000_000, agents=1_000) for n in range(10)]
    check_pools(hard, 10_000, MACHINE)


def test_the_pool_with_which_the_agents_are_too_many_is_named_with_the_limit_that_would_do() -> None:
    error = refused(replace(P1, agents=6_000), replace(P2, agents=6_000), P3)
    assert error.key == "pools.p2.agents"
    assert "12,000 agents, the engine's limit is 10,000" in str(error)
    assert "`agents: 14500`" in str(error)


def test_soft_shares_may_be_more_than_the_machine_since_they_only_weigh() -> None:
    check_pools([replace(P1, cpu=1.0), replace(P2, cpu=1.0)], 10_000, MACHINE)


def test_hard_shares_of_more_than_the_machine_are_refused() -> None:
    hard: dict[str, Any] = {"cpu": 0.6, "cpu_hard": True}
    error = refused(PoolSpec("p1", **hard), replace(P2, cpu=1.0), PoolSpec("p3", **hard))
    assert error.key == "pools.p3.cpu"
    assert "120% of the machine" in str(error)


def test_a_hard_share_of_nothing_is_refused() -> None:
    error = refused(replace(P1, cpu_hard=True))
    assert error.key == "pools.p1.cpu_hard"
    assert "add `cpu: 25%`" in str(error)


def test_memory_of_more_than_the_machine_is_refused() -> None:
    error = refused(replace(P1, mem_bytes=5_000_000_000), replace(P2, mem_bytes=4_000_000_000))
    assert error.key == "pools.p2.mem"
    assert "9GB, the machine has 8GB" in str(error)


def test_memory_that_no_unit_says_exactly_is_shown_in_megabytes() -> None:
    with pytest.raises(ConfigError, match="the machine has 25,277MB"):
        check_pools([replace(P1, mem_bytes=2**40)], 10_000, Machine(2, 25_276_510_208))


def test_two_pools_of_one_name_are_refused() -> None:
    assert refused(P1, P1).key == "pools.p1"


@pytest.mark.parametrize("name", ["", "P1", "a.b", "../up", "a/b", "_self"])
def test_a_pool_whose_name_could_not_name_a_group_is_refused(name: str) -> None:
    error = refused(PoolSpec(name))
    assert "1-32 of a-z, 0-9 and -" in str(error)
    assert error.key == f"pools.{name}"


def test_no_pool_and_too_many_pools_are_refused() -> None:
    assert refused().key == "pools"
    assert refused(*(PoolSpec(f"p{n}") for n in range(POOLS_MOST + 1))).key == "pools"


KEYS = sorted((key, field) for key, field in POOL_KEYS.items() if field in BOUNDS)


@pytest.mark.parametrize(("key", "field"), KEYS)
def test_every_limit_has_a_least_and_a_most(key: str, field: str) -> None:
    least, most = BOUNDS[field]
    for value in (least / 2 if field in {"cpu", "sleep_after_s"} else least - 1, most * 2):
        changed: dict[str, Any] = {field: value}
        error = refused(replace(P1, **changed))
        assert error.key == f"pools.p1.{key}"
        assert "is not between" in str(error)


def test_the_total_of_agents_has_a_least_and_a_most() -> None:
    check_agents_limit(1)
    for limit in (0, 2_000_000_000):
        with pytest.raises(ConfigError, match="is not between 1 and 1,000,000,000"):
            check_agents_limit(limit)


@given(st.lists(st.integers(min_value=1, max_value=10_000), min_size=1, max_size=20), st.integers(1, 100_000))
def test_pools_are_refused_exactly_when_their_agents_pass_the_limit(agents: list[int], limit: int) -> None:
    pools = [PoolSpec(f"p{n}", agents=many) for n, many in enumerate(agents)]
    if sum(agents) <= limit:
        check_pools(pools, limit, MACHINE)
    else:
        assert refused(*pools, limit=limit).key.endswith(".agents")
