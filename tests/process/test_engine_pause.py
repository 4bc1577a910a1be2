"""A pool that an operator pauses, with real workers: what waits, what goes on, and who does not take it for sick."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import Engine
from pools.alerts import AFTER_S
from pools.counter import Counter
from pools.errors import BadArgument, PoolFull
from pools.spec import BACKLOG_TASKS, PoolSpec
from tests.support.agents import Doer, Waiter
from tests.support.processes import until

POOLS = [PoolSpec("a", agents=1_000), PoolSpec("b", agents=1_000, workers=2)]


@asynccontextmanager
async def running(pools: list[PoolSpec] = POOLS, **more: Any) -> AsyncIterator[Engine]:
    """An engine with counters in all pools, and waiters."""
    async with Engine(kinds=[Counter, Doer, Waiter], pools=pools, **more) as engine:
        await engine.spawn(Counter, 40)
        await engine.spawn(Waiter, 40)
        yield engine


def keys_of(engine: Engine, kind: str, pool: str) -> list[int]:
    """The numbers of the agents of a kind in a pool."""
    number = engine.swarm.pool(pool).number
    return [key for part in engine.swarm.placement.parts_of(kind, number) for key in range(part.start, part.stop)]


def state_of(engine: Engine, pool: str) -> str:
    return {one["name"]: one["state"] for one in engine.stats().pools}[pool]


async def test_a_paused_pool_begins_nothing_and_does_all_of_it_when_it_is_resumed() -> None:
    async with running() as engine:
        keys = keys_of(engine, "counter", "b")
        said = await engine.pause("b")
        assert said == {"pool": "b", "state": "paused", "open": 0, "is_changed": True}
        assert (await engine.pause("b"))["is_changed"] is False
        assert (state_of(engine, "a"), state_of(engine, "b")) == ("up", "paused")
        answers = [engine.ask(f"counter/{key}", "add", 1) for key in keys for _ in range(3)]
        others = [engine.ask(f"counter/{key}", "add", 1) for key in keys_of(engine, "counter", "a")]
        assert await asyncio.gather(*others) == [1] * len(others)
        await asyncio.sleep(0.2)
        assert not any(answer.done() for answer in answers)
        assert sum(seat.cells[4] for seat in engine.swarm.pool("b").seats) == 0
        assert (await engine.resume("b"))["state"] == "up"
        assert await asyncio.gather(*answers) == [1, 2, 3] * len(keys)
        assert [event.name for event in engine.events if event.name.startswith("pool.")] == ["pool.paused", "pool.resumed"]


async def test_what_was_with_the_workers_already_waits_there_and_what_runs_ends() -> None:
    async with running() as engine:
        key = keys_of(engine, "waiter", "a")[0]
        answers = [engine.ask(f"waiter/{key}", "wait", 0.2) for _ in range(5)]
        await until(lambda: engine.swarm.pool("a").seats[0].cells[8] == 4)  # in the mailbox
        await engine.pause("a")
        assert await answers[0] == 1
        await asyncio.sleep(0.5)
        assert [answer.done() for answer in answers] == [True, False, False, False, False]
        (row,) = (await engine.agents("waiter", status="wait"))["agents"]
        assert (row["agent"], row["mailbox"]) == (f"waiter/{key}", 4)
        await engine.resume("a")
        assert await asyncio.gather(*answers) == [1, 2, 3, 4, 5]


async def test_tasks_for_a_kind_go_to_the_pools_that_are_not_paused() -> None:
    async with running() as engine:
        await engine.pause("b")
        async with asyncio.timeout(10):
            await asyncio.gather(*(engine.ask("counter", "add", 1) for _ in range(50)))
            assert len([one async for one in engine.map([("counter", "add", 1)] * 500)]) == 500
        await engine.pause("a")
        waiting = engine.ask("counter", "add", 1)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await engine.resume("b")
        await engine.resume("a")
        assert await waiting


async def test_accepted_tasks_wait_and_their_deadlines_count() -> None:
    async with running() as engine:
        key = keys_of(engine, "counter", "a")[0]
        await engine.pause("a")
        late, kept = await engine.submit(
            [
                {"agent": f"counter/{key}", "method": "add", "args": [1], "deadline_s": 0.3},
                {"agent": f"counter/{key}", "method": "add", "args": [10]},
            ]
        )
        async with asyncio.timeout(10):
            while (await engine.task(late))["state"] != "expired":
                await asyncio.sleep(0.02)
        assert (await engine.task(kept))["ended_s"] is None
        await engine.resume("a")
        assert await engine.result(kept, wait_s=10) == 10


async def test_what_comes_past_the_limit_is_refused_with_a_time_to_try_again() -> None:
    async with running() as engine:
        key = keys_of(engine, "counter", "a")[0]
        await engine.ask(f"counter/{key}", "add", 0)
        await engine.pause("a")
        more = 5_000
        refused = []
        async with asyncio.timeout(60):
            async for one in engine.map(
                ((f"counter/{key}", "add", 1) for _ in range(BACKLOG_TASKS + more)), window=BACKLOG_TASKS + more
            ):
                if one.ok:
                    continue
                refused.append(one)
                if len(refused) == more:
                    await engine.resume("a")
        assert len(refused) == more
        assert {type(one.error).__name__ if isinstance(one.error, BaseException) else one.error.type for one in refused} == {
            PoolFull.__name__
        }
        assert all(one.error.retry_after_s for one in refused)
        assert await engine.ask(f"counter/{key}", "get") == BACKLOG_TASKS


async def test_nobody_takes_a_paused_pool_for_sick() -> None:
    async with running() as engine:
        await engine.spawn(Doer, 20)
        keys = keys_of(engine, "doer", "a")
        (seat,) = engine.swarm.pool("a").seats
        pid = seat.pid
        work = [(f"doer/{key}", "do", "stall", 0.02) for key in keys] * 3
        await asyncio.gather(*(engine.ask(*task) for task in work))  # so much is usual
        with_worker = [engine.ask(*task) for task in work]
        await until(lambda: any(answer.done() for answer in with_worker))
        await engine.pause("a")
        await asyncio.sleep(0.3)
        done = sum(answer.done() for answer in with_worker)
        assert 0 < done < len(work)
        before = [engine.ask(*task) for task in work[:5]]
        await asyncio.sleep(AFTER_S + 2.5)
        assert sum(answer.done() for answer in (*with_worker, *before)) == done
        assert (seat.pid, seat.restarts, engine.stats().alerts) == (pid, 0, [])
        await engine.resume("a")
        await asyncio.gather(*with_worker, *before)
        await asyncio.sleep(0.2)
        assert engine.stats().breakers["open"] == 0
        assert {one["slow"] for one in engine.breakers.facts() if one["pool"] == "a"} == {0}
        assert engine.stats().latency_us["p99"] < AFTER_S * 1e6


@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_worker_that_is_killed_meanwhile_comes_back_paused(is_kept: bool, tmp_path: Path) -> None:
    more = {"data": tmp_path / "data"} if is_kept else {}
    async with running(**more) as engine:
        key = keys_of(engine, "counter", "a")[0]
        (seat,) = engine.swarm.pool("a").seats
        assert await engine.ask(f"counter/{key}", "add", 5) == 5
        other = keys_of(engine, "waiter", "a")[0]
        with_worker = [engine.ask(f"waiter/{other}", "wait", 0.1) for _ in range(3)] if is_kept else []
        await until(lambda: not is_kept or seat.cells[8] == 2)  # in the mailbox
        await engine.pause("a")
        waiting = engine.ask(f"counter/{key}", "add", 1)
        assert seat.pid is not None
        before = seat.pid
        os.kill(before, signal.SIGKILL)
        await until(lambda: seat.state == "running" and seat.pid != before)
        assert state_of(engine, "a") == "paused"
        await asyncio.sleep(0.8)
        assert not waiting.done()
        assert not any(answer.done() for answer in with_worker[1:])  # they were sent to the new one, which is paused too
        await engine.resume("a")
        assert await waiting == (6 if is_kept else 1)
        assert await asyncio.gather(*with_worker) == [1, 2, 3][: len(with_worker)]


async def test_tasks_are_taken_back_while_their_pool_is_paused() -> None:
    async with running() as engine:
        key = keys_of(engine, "counter", "a")[0]
        await engine.pause("a")
        number, kept = await engine.submit([{"agent": f"counter/{key}", "method": "add", "args": [n]} for n in (1, 2)])
        began_s = time.monotonic()
        assert (await engine.cancel(number))["state"] == "cancelled"
        assert time.monotonic() - began_s < 5
        await engine.resume("a")
        assert await engine.result(kept, wait_s=10) == 2


async def test_a_pool_that_is_not_there_is_named() -> None:
    async with running() as engine:
        with pytest.raises(BadArgument, match="there are a, b"):
            await engine.pause("c")


async def test_an_engine_with_a_paused_pool_stops() -> None:
    async with running() as engine:
        key = keys_of(engine, "counter", "a")[0]
        await engine.pause("a")
        waiting = engine.ask(f"counter/{key}", "add", 1)
    assert waiting.done()
    assert waiting.exception() is not None
