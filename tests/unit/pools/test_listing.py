"""A page of agents in the order of their keys, each with what its worker says of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from pools.errors import PoolUnavailable, WorkerDied
from pools.listing import listed
from pools.placement import Placement
from pools.spec import PoolSpec


class Seat:
    """A worker that tells of each agent its name; `error`: what it answers with instead."""

    def __init__(self, name: str, error: Exception | None = None, *, is_away: bool = False) -> None:
        self.name = name
        self.error = error
        self.is_away = is_away
        self.asked: list[tuple[str, str, list[Any]]] = []

    def request(self, verb: str, *, kind: str, keys: list[Any]) -> asyncio.Future[Any]:
        if self.is_away:
            raise PoolUnavailable("away")
        self.asked.append((verb, kind, keys))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result([["idle", len(str(key))] for key in keys])
        return future


def house(**facts: Any) -> tuple[Placement, list[Any]]:
    """Two pools, the first with two workers, and fifty agents of a kind."""
    placement = Placement([PoolSpec("a", agents=100, workers=2), PoolSpec("b", agents=100, workers=1)], 1_000)
    placement.add_range("counter", 50)
    placement.add_names("counter", ["x", "y"])
    seats = [[Seat("a.0", **facts), Seat("a.1")], [Seat("b")]]
    pools = [SimpleNamespace(name=name, seats=row) for name, row in zip(("a", "b"), seats, strict=True)]
    return placement, pools


async def test_a_page_is_in_the_order_of_its_keys_whoever_has_them() -> None:
    placement, pools = house()
    page = await listed(placement, pools, "counter", 0, 100)
    assert [one["agent"] for one in page] == [f"counter/{key}" for key in placement.page("counter", 0, 100)]
    assert len(page) == 52
    for one in page:
        key = one["agent"].partition("/")[2]
        pool, worker = placement.worker_of("counter", int(key) if key.isdigit() else key)
        assert one == {
            "agent": f"counter/{key}",
            "pool": pools[pool].name,
            "worker": pools[pool].seats[worker].name,
            "status": "idle",
            "mailbox": len(key),
        }
    assert {one["worker"] for one in page} == {"a.0", "a.1", "b"}


async def test_each_worker_is_asked_once_and_of_its_own_agents_of_that_page_only() -> None:
    placement, pools = house()
    page = await listed(placement, pools, "counter", 10, 20)
    asked = [one for pool in pools for seat in pool.seats for one in seat.asked]
    assert len(page) == 20
    assert len(asked) <= 3
    assert sorted(str(key) for _, _, keys in asked for key in keys) == sorted(one["agent"][8:] for one in page)


async def test_of_a_worker_that_is_away_or_dies_nothing_is_known() -> None:
    for facts in ({"is_away": True}, {"error": WorkerDied("gone")}):
        placement, pools = house(**facts)
        page = await listed(placement, pools, "counter", 0, 100)
        assert {one["status"] for one in page if one["worker"] == "a.0"} == {"unknown"}
        assert {one["status"] for one in page if one["worker"] != "a.0"} == {"idle"}
        assert {one["mailbox"] for one in page if one["worker"] == "a.0"} == {0}


async def test_a_page_past_the_last_agent_is_empty() -> None:
    placement, pools = house()
    assert await listed(placement, pools, "counter", 52, 10) == []
