"""Past the soft limit idle agents sleep and tasks are weighed; past the limit who made its worker grow is named."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pools.errors import PoolUnavailable, WorkerDied
from pools.events import Event
from pools.healing import Finding
from pools.pressure import LEAK_BYTES, Pressure
from pools.spec import PoolSpec

MB = 1_000_000
LIMIT = 100 * MB


class Seat:
    """A worker that answers what it is told to, and is killed."""

    def __init__(self, name: str, heaviest: Any = (), *, is_kept: bool = True, state: str = "running") -> None:
        self.name = name
        self.state = state
        self.heaviest = heaviest
        self.link = SimpleNamespace(is_kept=is_kept)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.killed: list[str] = []

    def request(self, verb: str, **facts: Any) -> asyncio.Future[Any]:
        self.asked.append((verb, facts))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if isinstance(self.heaviest, PoolUnavailable):
            raise self.heaviest
        if isinstance(self.heaviest, Exception):
            future.set_exception(self.heaviest)
        else:
            future.set_result(list(self.heaviest))
        return future

    def kill(self, reason: str) -> None:
        self.killed.append(reason)


class Setup:
    def __init__(self, *seats: Seat) -> None:
        self.found: list[Finding] = []
        self.events: list[Event] = []
        self.seats = seats
        spec = PoolSpec("p", agents=10, mem_bytes=LIMIT)
        self.pressure = Pressure(spec, seats, self.found.append, self.events.append)  # type: ignore[arg-type]

    async def look(self, *shares: float) -> None:
        for share in shares:
            self.pressure.look(int(LIMIT * share), LIMIT)
            await asyncio.sleep(0)
            await asyncio.gather(*self.pressure._asking)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


def leak(share: float = 1.0, size_bytes: int = 40 * MB) -> list[list[Any]]:
    return [["a/1", "grow", size_bytes, int(size_bytes / share)], ["a/2", "add", 1, int(size_bytes / share)]]


async def test_below_the_soft_limit_nothing_is_done() -> None:
    setup = Setup(Seat("p.0", leak()))
    await setup.look(0.1, 0.9, 0.5)
    assert (setup.seats[0].asked, setup.events, setup.found, setup.pressure.is_short) == ([], [], [], False)


async def test_past_the_soft_limit_idle_agents_sleep_and_tasks_are_weighed_until_it_is_over() -> None:
    setup = Setup(Seat("p.0"), Seat("p.1", state="backoff"))
    await setup.look(0.91, 0.95)
    assert setup.pressure.is_short
    assert setup.seats[0].asked == [("weigh", {"on": True}), ("sleep", {})]
    assert setup.seats[1].asked == []
    assert setup.names == ["pool.memory"]
    await setup.look(0.8, 0.7)
    assert not setup.pressure.is_short
    assert setup.seats[0].asked[2:] == [("weigh", {"on": False})]


async def test_past_the_limit_who_made_its_worker_grow_is_named_and_its_worker_gives_way() -> None:
    setup = Setup(Seat("p.0"), Seat("p.1", leak()))
    await setup.look(0.95, 1.01)
    [finding] = setup.found
    assert finding[:3] == ("leaked", "a/1", "grow")
    assert finding.worker == "p.1"
    assert "pool p uses 101 of 100 MB; this agent made p.1 grow by 40 MB" in finding.cause
    assert setup.seats[0].killed == []
    assert setup.seats[1].killed == ["pool p uses 101 of 100 MB, a/1 made it grow; another process takes over its agents"]
    assert setup.names == ["pool.memory", "pool.full"]
    asked = [verb for verb, _ in setup.seats[1].asked]
    assert asked[-2:] == ["heaviest", "record"], "what its tasks have done so far is put on record before it goes"


async def test_where_state_is_in_the_worker_only_it_stays_and_is_weighed_anew() -> None:
    setup = Setup(Seat("p.0", leak(), is_kept=False))
    await setup.look(0.95, 1.1)
    assert len(setup.found) == 1
    assert setup.seats[0].killed == []
    assert setup.seats[0].asked[-1] == ("weigh", {"on": True})


async def test_a_pool_that_is_over_at_the_first_look_is_weighed_before_anybody_is_named() -> None:
    setup = Setup(Seat("p.0", leak()))
    await setup.look(1.2)
    assert (setup.found, setup.seats[0].killed) == ([], [])
    await setup.look(1.2)
    assert len(setup.found) == 1


@pytest.mark.parametrize("heaviest", [leak(share=0.4), leak(size_bytes=LEAK_BYTES - 1), []])
async def test_nobody_is_named_for_little_or_for_a_small_share(heaviest: list[Any]) -> None:
    setup = Setup(Seat("p.0", heaviest))
    await setup.look(0.95, 1.1, 1.1)
    assert (setup.found, setup.seats[0].killed) == ([], [])


@pytest.mark.parametrize("error", [WorkerDied("gone"), PoolUnavailable("away")])
async def test_a_worker_that_dies_meanwhile_is_passed_over(error: Exception) -> None:
    setup = Setup(Seat("p.0", leak()), Seat("p.1", leak()))
    await setup.look(0.95)
    setup.seats[0].heaviest = error
    await setup.look(1.1)
    assert [finding.worker for finding in setup.found] == ["p.1"]


async def test_the_question_is_asked_once_at_a_time() -> None:
    setup = Setup(Seat("p.0"))
    waits: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    await setup.look(0.95)
    setup.seats[0].request = lambda _verb, **_facts: waits  # type: ignore[method-assign]
    for _ in range(5):
        setup.pressure.look(LIMIT * 2, LIMIT)
        await asyncio.sleep(0)
    assert len(setup.pressure._asking) == 1
    waits.set_result([])
    await asyncio.gather(*setup.pressure._asking)
