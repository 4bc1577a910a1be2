"""A page of agents in the order of their keys, each with what its worker says of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pools import listing as module
from pools.candidates import STATUSES, Doing, candidates, search_of
from pools.census import Meant
from pools.counter import Counter
from pools.errors import BadArgument, PoolUnavailable, WorkerDied
from pools.kind import Kind
from pools.listing import Listing
from pools.placement import Placement, owner_of
from pools.residents import Residents
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
            future.set_result([["idle", len(str(key)), 7] for key in keys])
        return future


def house(**facts: Any) -> tuple[Placement, list[Any]]:
    """Two pools, the first with two workers, and fifty agents of a kind."""
    placement = Placement([PoolSpec("a", agents=100, workers=2), PoolSpec("b", agents=100, workers=1)], 1_000)
    placement.add_range("counter", 50)
    placement.add_names("counter", ["x", "y"])
    seats = [[Seat("a.0", **facts), Seat("a.1")], [Seat("b")]]
    pools = [SimpleNamespace(name=name, seats=row) for name, row in zip(("a", "b"), seats, strict=True)]
    return placement, pools


async def listed(placement: Placement, pools: list[Any], kind: str, skip: int, limit: int) -> list[dict[str, Any]]:
    return (await Listing(placement, pools).page(Meant(kind=kind), (), skip, limit)).agents


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
            "restarts": 7,
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


class Worker:
    """A worker with real residents: what their agents do is said by the test."""

    def __init__(self, name: str, residents: dict[str, Residents], doing: Doing) -> None:
        self.name = name
        self._residents = residents
        self._doing = doing
        self.asked: list[str] = []
        self.most: list[int] = []
        self.is_mute = False

    async def request(self, verb: str, **facts: Any) -> Any:
        self.asked.append(verb)
        if self.is_mute:
            await asyncio.sleep(60)
        if verb == "agents":
            return [list(self._doing(facts["kind"], key)) for key in facts["keys"]]
        self.most.append(facts["most"])
        return await candidates(self._residents, self._doing, search_of(**facts))


class Played:
    """What agents do, by their numbers."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement

    def __call__(self, kind: str, key: Any) -> tuple[str, int, int]:
        number = key if type(key) is int else 3
        status = ("run", "idle", "asleep")[number % 3] if number % 10 == 3 else "dormant"
        return status, number % 4 if status == "run" else 0, number % 5 if number % 20 == 3 else 0

    def numbers(self, kind: str, sort: str) -> dict[Any, int]:
        at = {"mailbox": 1, "restarts": 2}[sort]
        return {key: self(kind, key)[at] for key in self._placement.page(kind, 0, 10**6) if self(kind, key)[at]}  # type: ignore[misc]


def crowd(agents: int = 400) -> tuple[Listing, Placement, list[Worker], Doing]:
    """Two pools of three workers in all; some agents are busy, some asleep, some were taken back."""
    specs = [PoolSpec("b", agents=10_000, workers=2), PoolSpec("a", agents=10_000)]
    placement = Placement(specs, 100_000)
    placement.add_range("counter", agents)
    placement.add_names("counter", ["x", "y"])

    doing = Played(placement)
    workers = []
    pools = []
    for pool, spec in enumerate(specs):
        seats = []
        for worker in range(spec.workers):
            owned = frozenset(shard for shard in range(spec.shards) if owner_of(shard, spec.workers) == worker)
            held = Residents(Kind(Counter), owned=owned, shards=spec.shards)
            for part in placement.parts_of("counter", pool):
                held.add_range(part.start, part.stop)
            held.add_names(placement.names_of("counter", pool))
            for key in list(held.keys()):
                status, mailbox, _ = doing("counter", key)
                if status == "run":
                    held.busy[key] = SimpleNamespace(mailbox=[None] * mailbox)
                elif status != "dormant":
                    {"idle": held.live, "asleep": held._asleep}[status][key] = held.kind.make(key)
            seats.append(Worker(f"{spec.name}.{worker}", {"counter": held}, doing))
        workers += seats
        pools.append(SimpleNamespace(name=spec.name, seats=seats))
    return Listing(placement, pools), placement, workers, doing  # type: ignore[arg-type]


def facts_of(placement: Placement, doing: Doing) -> list[dict[str, Any]]:
    """Everybody, as the list has them, in the order of the addresses."""
    shown = []
    for key in placement.page("counter", 0, 10**6):
        pool, worker = placement.worker_of("counter", key)
        name = placement.pools[pool].name
        status, mailbox, restarts = doing("counter", key)
        said = {"agent": f"counter/{key}", "pool": name, "worker": f"{name}.{worker}"}
        shown.append({**said, "status": status, "mailbox": mailbox, "restarts": restarts})
    return shown


PLACE: dict[str, Any] = {
    "status": lambda one: STATUSES.index(one["status"]),
    "mailbox": lambda one: one["mailbox"],
    "restarts": lambda one: one["restarts"],
    "pool": lambda one: one["pool"],
    "worker": lambda one: one["worker"],
    "address": lambda one: 0,
}


def ordered(every: list[dict[str, Any]], sort: str, *, is_descending: bool) -> list[dict[str, Any]]:
    if sort == "address":
        return every[::-1] if is_descending else every
    places = sorted({PLACE[sort](one) for one in every}, reverse=is_descending)
    return [one for place in places for one in every if PLACE[sort](one) == place]


@pytest.mark.parametrize("sort", ["address", "pool", "worker", "status", "mailbox", "restarts"])
@pytest.mark.parametrize(
    "statuses",
    ["", "run", "idle asleep", "dormant", "wait", "run wait quarantined", "restarted", "asleep restarted wait"],
)
@pytest.mark.parametrize("is_descending", [False, True])
async def test_what_workers_say_is_put_together_as_one_list(sort: str, statuses: str, is_descending: bool) -> None:
    listing, placement, _, doing = crowd()
    every = facts_of(placement, doing)
    wished = statuses.split()
    if wished:
        marks = {"wait": "mailbox", "restarted": "restarts"}
        every = [one for one in every if one["status"] in wished or any(one[marks[mark]] for mark in marks if mark in wished)]
    wanted = ordered(every, sort, is_descending=is_descending)
    for skip, limit in ((0, 20), (7, 13), (390, 50)):
        page = await listing.page(Meant(sort=sort, is_descending=is_descending), wished, skip, limit)
        assert (page.matched, page.silent) == (len(wanted), [])
        assert page.agents == wanted[skip : skip + limit]


async def test_a_filter_a_pool_and_a_worker_narrow_what_workers_say_too() -> None:
    listing, placement, workers, doing = crowd()
    every = [one for one in facts_of(placement, doing) if "3" in one["agent"] and one["status"] == "run"]
    for pool, worker in ((None, None), ("b", None), (None, "b.1")):
        some = [one for one in every if pool in (None, one["pool"]) and worker in (None, one["worker"])]
        page = await listing.page(Meant("counter", "3", pool, worker), ["run"], 0, 200)
        assert (page.matched, page.agents) == (len(some), some)
    assert [len(worker.asked) for worker in workers] == [2, 3, 1]


async def test_workers_are_asked_of_the_page_alone_where_the_engine_knows_the_order() -> None:
    listing, _, workers, _ = crowd()
    await listing.page(Meant(sort="address", is_descending=True, filter="1"), [], 3, 30)
    assert {verb for worker in workers for verb in worker.asked} == {"agents"}
    assert all(len(worker.asked) <= 1 for worker in workers)


async def test_each_worker_names_no_more_than_its_first_ones() -> None:
    listing, _, workers, _ = crowd()
    await listing.page(Meant(sort="mailbox", is_descending=True), [], 3, 30)
    assert [worker.most for worker in workers] == [[33]] * 3


async def test_a_worker_that_says_nothing_is_not_waited_for_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_S", 0.05)
    listing, _, workers, _ = crowd()
    workers[1].is_mute = True
    page = await listing.page(Meant(), [], 0, 500)
    assert page.silent == ["b.1"]
    assert {one["status"] for one in page.agents if one["worker"] == "b.1"} == {"unknown"}
    assert len(page.agents) == page.matched == 402
    page = await listing.page(Meant(), ["run"], 0, 500)
    assert page.silent == ["b.1"]
    assert {one["worker"] for one in page.agents} == {"b.0", "a.0"}


async def test_an_agent_that_is_removed_meanwhile_is_left_out() -> None:
    listing, placement, _, _ = crowd()
    chosen = await listing.census.choose(Meant())
    placement.take("counter", [(0, 5)], [])
    agents, _ = await listing._rows(chosen.page(0, 10))
    assert [one["agent"] for one in agents] == [f"counter/{number}" for number in range(5, 10)]


@pytest.mark.parametrize(("statuses", "sort"), [(["sick"], None), ([], "colour")])
async def test_a_status_or_an_order_that_there_is_not_is_refused(statuses: list[str], sort: str | None) -> None:
    listing, _, _, _ = crowd(5)
    with pytest.raises(BadArgument):
        await listing.page(Meant(sort=sort), statuses, 0, 10)


async def test_very_deep_pages_of_what_only_workers_know_are_refused_with_the_mend() -> None:
    listing, _, workers, _ = crowd(10)
    with pytest.raises(BadArgument, match="narrow them"):
        await listing.page(Meant(sort="status"), [], module.DEEP + 1, 10)
    assert not any(worker.asked for worker in workers)
    assert (await listing.page(Meant(sort="address"), [], module.DEEP + 1, 10)).matched == 12
