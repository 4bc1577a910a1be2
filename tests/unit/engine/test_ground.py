"""What foresight sees of a swarm: places by agent or by pool, who is there, what is left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.ground import FEW, SwarmGround
from pools.errors import CircuitOpen, UnknownAgent
from pools.placement import Placement
from pools.spec import PoolSpec


class Breakers:
    """Admits nothing to the pools that are shut."""

    def __init__(self) -> None:
        self.shut: set[int] = set()
        self.admitted: list[int] = []

    @property
    def is_calm(self) -> bool:
        return not self.shut

    def is_open_to(self, pool: int, _kind: str) -> bool:
        return pool not in self.shut

    def admit(self, pool: int, _kind: str, count: int) -> int:
        self.admitted.append(pool)
        return 0 if pool in self.shut else count

    def refusal(self, kind: str, pools: Any) -> CircuitOpen:
        return CircuitOpen(f"{kind}: {list(pools)}")


class Swarm:
    """Two pools, of which the second has a limit of memory."""

    def __init__(self, count: int) -> None:
        specs = [PoolSpec("p1", agents=1_000), PoolSpec("p2", agents=1_000, mem_bytes=10**8)]
        self.placement = Placement(specs, 2_000)
        self.placement.add_range("scout", count)
        self.pools = [
            SimpleNamespace(name=spec.name, number=number, spec=spec, state="up", memory_bytes=4 * 10**7)
            for number, spec in enumerate(specs)
        ]
        self.kinds: dict[str, dict[str, str]] = {
            "scout": {"split": "", "join": "", "total": ""},
            "half": {"split": ""},
        }

        self.routes = SimpleNamespace(choose=lambda _kind: 3)
        self.breakers = Breakers()


def ground(count: int) -> tuple[SwarmGround, Swarm]:
    swarm = Swarm(count)
    return SwarmGround(swarm), swarm  # type: ignore[arg-type]


def test_agents_are_places_where_there_are_few_and_pools_where_there_are_many() -> None:
    few, _ = ground(FEW)
    assert few.place_of("scout", FEW - 1) == f"scout/{FEW - 1}"
    many, swarm = ground(FEW + 1)
    assert {many.place_of("scout", key) for key in range(FEW + 1)} == {"p1", "p2"}
    with pytest.raises(UnknownAgent):
        many.place_of("scout", 1_000)
    assert many.pick("scout") == 3
    assert swarm.placement.count_of("scout") == FEW + 1


def test_an_agent_of_a_place_is_there_or_none() -> None:
    made, swarm = ground(4)
    assert made.one_of("scout", "scout/3") == 3
    assert made.one_of("scout", "scout/9") is None
    for pool in swarm.pools:
        pool.state = "down"
    assert made.one_of("scout", "scout/3") is None


def test_the_agents_of_a_pool_take_turns_while_it_is_up() -> None:
    made, swarm = ground(100)
    there = {key for part in swarm.placement.parts_of("scout", 1) for key in range(part.start, part.stop)}
    assert {made.one_of("scout", "p2") for _ in there} == there
    assert made.one_of("nobody", "p2") is None
    swarm.pools[1].state = "down"
    assert made.one_of("scout", "p2") is None


def test_what_is_left_is_what_the_limit_leaves() -> None:
    made, swarm = ground(100)
    last = swarm.placement.parts_of("scout", 1)[0].start
    assert made.left("scout", 0) == {}
    assert made.left("scout", last) == {"mem_bytes": 6 * 10**7}
    swarm.pools[1].memory_bytes = 2 * 10**8
    assert made.left("scout", last) == {"mem_bytes": 0}


def test_a_kind_can_split_if_it_can_join_too() -> None:
    made, _ = ground(4)
    assert made.can_split("scout")
    assert not made.can_split("half")
    assert not made.can_split("nobody")


def test_who_is_behind_an_open_breaker_gets_nothing() -> None:
    made, swarm = ground(2 * FEW)
    near, far = ("p1", 0), ("p2", 1)
    keys = {name: made.one_of("scout", name) for name, _ in (near, far)}
    made.admit("scout", keys["p2"])
    assert swarm.breakers.admitted == []  # nobody is asked while all are closed
    swarm.breakers.shut.add(1)
    assert made.one_of("scout", "p1") is not None
    assert made.one_of("scout", "p2") is None
    made.admit("scout", keys["p1"])
    with pytest.raises(CircuitOpen, match=r"scout: \[0, 1\]"):
        made.admit("scout", keys["p2"])
    assert swarm.breakers.admitted == [0, 1]
    few, shut = ground(4)
    assert few.one_of("scout", "scout/3") == 3
    shut.breakers.shut |= {0, 1}
    assert few.one_of("scout", "scout/3") is None


def test_a_batch_is_dealt_while_all_breakers_are_closed_and_its_places_are_those_of_its_agents() -> None:
    made, swarm = ground(2 * FEW)
    swarm.routes.deal = lambda _kind, count, **_more: ([(None, range(count // 2)), (None, [FEW + 1] * (count // 2))], None)
    keys = made.deal("scout", 4)
    assert keys == [0, 1, FEW + 1, FEW + 1]
    assert made.places_of("scout", keys) == [made.place_of("scout", key) for key in keys]
    swarm.breakers.shut.add(1)
    assert made.deal("scout", 4) is None
