"""More is asked of an engine than it can do: who asks too much is told so at once, and everybody else is answered as before."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from engine import errors
from engine.engine import Engine
from engine.tally import Tally
from pools.breaker import BreakerSpec
from pools.errors import Failure
from pools.quota import Quota, Quotas
from tests.support.agents import Few
from tests.support.processes import pool, running


def adds_up(counts: Any) -> bool:
    """Whether every task is counted once."""
    ended = counts["done"] + counts["failed"] + counts["cancelled"] + counts["expired"]
    return bool(counts["accepted"] == ended + counts["open"])


async def outcomes(futures: list[Any]) -> Counter[str]:
    """How many ended how."""
    ends = await asyncio.gather(*futures, return_exceptions=True)
    return Counter("ok" if not isinstance(end, BaseException) else type(end).__name__ for end in ends)


async def test_no_more_tasks_of_a_kind_run_at_once_than_may() -> None:
    limits = Quotas(kinds={"waiter": Quota(concurrency=10)})
    async with running([pool(2)], limits=limits) as engine:
        await engine.spawn("waiter", 200)
        began_s = time.monotonic()
        futures = [engine.ask(f"waiter/{key}", "wait", 0.1) for key in range(50)]
        await asyncio.sleep(0.05)
        assert engine.swarm.gates.kinds["waiter"].flying == 9, "the tenth place is for critical tasks"
        urgent = engine.sender(priority="critical").ask("waiter/60", "wait", 0.01)
        asked_s = time.monotonic()
        await urgent
        assert time.monotonic() - asked_s < 0.09, "a critical task waits for none of them"
        assert await outcomes(futures) == {"ok": 50}
        assert time.monotonic() - began_s > 0.45
        assert engine.swarm.gates.kinds["waiter"].flying == 0
        assert adds_up(engine.stats().tasks)


async def test_a_kind_says_itself_how_many_run_at_once() -> None:
    async with running([pool(1)], kinds=[Few]) as engine:
        await engine.spawn(Few, 20)
        futures = [engine.ask(f"few/{key}", "wait", 0.05) for key in range(20)]
        await asyncio.sleep(0.02)
        assert engine.stats().pressure["kinds"]["few"]["flying"] == Few.concurrency
        assert await outcomes(futures) == {"ok": 20}


async def test_what_cannot_be_in_time_is_refused_at_once_the_lowest_first_and_the_rest_is_in_time() -> None:
    limits = Quotas(kinds={"waiter": Quota(concurrency=10)})
    async with running([pool(1)], limits=limits, breaker=BreakerSpec(is_on=False)) as engine:
        await engine.spawn("waiter", 1_000)
        senders = {name: engine.sender(priority=name) for name in ("low", "high")}
        ended: dict[str, list[Any]] = {"low": [], "high": []}
        refused_s: list[float] = []

        def send(name: str) -> None:
            asked_s = time.monotonic()
            future = senders[name].ask("waiter", "wait", 0.01, timeout_s=0.3)
            ended[name].append(future)

            def look(done: Any) -> None:
                if isinstance(done.exception(), errors.Overloaded):
                    refused_s.append(time.monotonic() - asked_s)

            future.add_done_callback(look)

        for step in range(200):  # some 2,000 a second in two seconds, of which less than 900 a second can be done
            for _ in range(19):
                send("low")
            if step % 2 == 0:
                send("high")
            await asyncio.sleep(0.01)
        low, high = await outcomes(ended["low"]), await outcomes(ended["high"])
        assert sum(high.values()) == 100
        assert high["ok"] >= 95, high  # a machine that stands still for 0.3 s may make some late
        assert low["ok"] > 200
        assert low["Overloaded"] > low["TaskExpired"]
        assert sorted(refused_s)[len(refused_s) // 2] < 0.005
        stats = engine.stats()
        assert stats.pressure["shed"]["deadline"] == low["Overloaded"]
        assert adds_up(stats.tasks)
        assert stats.tasks["open"] == 0
        error = next(future.exception() for future in ended["low"] if isinstance(future.exception(), errors.Overloaded))
        assert 0 < error.retry_after_s < 1
        assert errors.exit_code(error) == 3
        assert any(event.name == "pressure.shed" for event in engine.events)
        assert await engine.ask("waiter", "wait", 0.01, timeout_s=1) is not None


async def test_a_flood_of_one_kind_that_waits_leaves_room_for_another() -> None:
    async with running([pool(1, window=64)]) as engine:
        await engine.spawn("waiter", 1_000)
        await engine.spawn("tally", 10)
        flood = [engine.ask(f"waiter/{key}", "wait", 0.7) for key in range(500)]
        await asyncio.sleep(0.05)
        began_s = time.monotonic()
        for key in range(10):
            assert await engine.ask(f"tally/{key}", "add", 1) == 1
        assert time.monotonic() - began_s < 0.5, "no place of the window would be free for so long"
        for future in flood:
            future.cancel()


async def test_a_flood_of_high_ones_does_not_starve_the_low_ones() -> None:
    limits = Quotas(kinds={"waiter": Quota(concurrency=10)})
    async with running([pool(1)], limits=limits) as engine:
        await engine.spawn("waiter", 1_000)
        high = [engine.sender(priority="high").ask("waiter", "wait", 0.005) for _ in range(2_000)]
        low = [engine.sender(priority="low").ask("waiter", "wait", 0.005) for _ in range(20)]
        assert await outcomes(low) == {"ok": 20}
        assert sum(not future.done() for future in high) > 500, "the low ones did not wait for all the others"
        assert await outcomes(high) == {"ok": 2_000}


async def test_a_rate_is_kept_who_asks_more_is_refused_and_map_waits() -> None:
    limits = Quotas(kinds={"tally": Quota(rate=100.0, burst=20)})
    async with running([pool(1)], limits=limits) as engine:
        await engine.spawn("tally", 100)
        await engine.spawn("doer", 1)
        ends = await outcomes([engine.ask(f"tally/{key}", "add", 1) for key in range(100)])
        assert 20 <= ends["ok"] < 60
        assert ends["RateLimited"] == 100 - ends["ok"] == engine.stats().pressure["shed"]["rate"]
        again = await asyncio.gather(*(engine.ask("tally/0", "get") for _ in range(50)), return_exceptions=True)
        limited = [end for end in again if isinstance(end, errors.RateLimited)]
        assert limited
        assert all(end.retry_after_s is not None and errors.exit_code(end) == 3 for end in limited)
        assert await engine.sender().wait("tally/1", "get", wait_s=5) in (0, 1)
        began_s = time.monotonic()
        results = [result async for result in engine.map(("tally/5", "get") for _ in range(40))]
        assert all(result.ok for result in results)
        assert len(results) == 40
        assert time.monotonic() - began_s > 0.3
        assert adds_up(engine.stats().tasks)


async def test_a_tenant_takes_no_more_than_its_part() -> None:
    limits = Quotas(tenants={"a": Quota(open=5)}, default_tenant=Quota(rate=10.0, burst=3))
    async with running([pool(1)], limits=limits) as engine:
        await engine.spawn("waiter", 100)
        ours = [engine.sender(tenant="a").ask(f"waiter/{key}", "wait", 0.1) for key in range(20)]
        others = [engine.sender(tenant="b").ask(f"waiter/{key}", "wait", 0.1) for key in range(20, 40)]
        nobodys = [engine.ask(f"waiter/{key}", "wait", 0.1) for key in range(40, 60)]
        assert await outcomes(ours) == {"ok": 5, "Overloaded": 15}
        assert await outcomes(others) == {"ok": 3, "RateLimited": 17}
        assert await outcomes(nobodys) == {"ok": 20}
        assert await outcomes([engine.sender(tenant="a").ask("waiter/1", "wait", 0.0)]) == {"ok": 1}


async def submitted(engine: Engine, lines: list[dict[str, Any]]) -> list[str]:
    return await engine.submit(lines)


async def test_accepted_tasks_wait_for_tokens_and_hold_up_nobody() -> None:
    limits = Quotas(kinds={"tally": Quota(rate=50.0, burst=5)})
    async with running([pool(1)], limits=limits) as engine:
        await engine.spawn("tally", 10)
        await engine.spawn("waiter", 10)
        slow = await submitted(engine, [{"agent": "tally/1", "method": "add", "args": [1]} for _ in range(25)])
        (fast,) = await submitted(engine, [{"agent": "waiter/1", "method": "wait", "args": [0.0]}])
        await engine.result(fast, wait_s=5)
        assert engine.stats().detached["done"] < 20, "the rate lets no more begin so soon"
        values = [await engine.result(name, wait_s=5) for name in slow]
        assert sorted(values) == list(range(1, 26))
        assert adds_up(engine.stats().detached)


async def test_no_more_of_a_tenant_are_accepted_than_may_be_open_and_who_waits_gets_room() -> None:
    limits = Quotas(tenants={"a": Quota(open=10)})
    async with running([pool(1)], limits=limits) as engine:
        await engine.spawn("waiter", 50)
        lines = [{"agent": f"waiter/{key}", "method": "wait", "args": [0.2], "tenant": "a"} for key in range(10)]
        tries = await asyncio.gather(*(engine.submit(lines) for _ in range(3)), return_exceptions=True)
        (first,) = [ids for ids in tries if isinstance(ids, list)]
        assert [type(refused) for refused in tries if refused is not first] == [errors.Overloaded] * 2
        with pytest.raises(errors.Overloaded):
            await engine.submit(lines[:1])
        assert len(await engine.submit([line | {"tenant": "b"} for line in lines])) == 10
        assert len(await engine.submit(lines[:5], wait_s=5)) == 5
        for name in first:
            await engine.result(name, wait_s=5)
        assert adds_up(engine.stats().detached)


async def test_a_task_that_would_come_too_late_is_not_accepted() -> None:
    limits = Quotas(kinds={"waiter": Quota(concurrency=5)})
    async with running([pool(1)], limits=limits) as engine:
        await engine.spawn("waiter", 500)
        line = {"kind": "waiter", "method": "wait", "args": [0.02]}
        await engine.submit([line | {"deadline_s": 60.0}])
        await engine.submit([line for _ in range(400)])
        await asyncio.sleep(0.5)
        with pytest.raises(errors.Overloaded) as refused:
            await engine.submit([line | {"deadline_s": 0.1}])
        assert refused.value.retry_after_s is not None
        assert refused.value.retry_after_s > 0.1
        (urgent,) = await engine.submit([line | {"deadline_s": 0.5, "priority": "critical"}])
        await engine.result(urgent, wait_s=2)
        assert adds_up(engine.stats().detached)


def test_a_tally_counts_a_refusal_as_a_failure() -> None:
    tally = Tally()
    tally.accept(1)
    tally.end(1, [(0, Failure("Overloaded", "", 0.1))])
    assert adds_up(tally.as_dict())


async def test_a_map_waits_for_the_room_and_the_rate_of_its_tenant() -> None:
    limits = Quotas(tenants={"a": Quota(open=5), "b": Quota(rate=40.0, burst=10)})
    async with running([pool(1)], limits=limits) as engine:
        await engine.spawn("waiter", 40)
        most = 0
        lines = [{"agent": f"waiter/{key}", "method": "wait", "args": [0.05], "tenant": "a"} for key in range(20)]
        gate = engine.swarm.gates.tenant("a", time.monotonic())
        assert gate is not None
        async for result in engine.map(lines):
            assert result.ok
            most = max(most, gate.held)
        assert most <= 5
        assert gate.held == 0
        lines = [line | {"tenant": "b"} for line in lines]
        began_s = time.monotonic()
        assert [result.ok async for result in engine.map(lines)] == [True] * 20
        assert time.monotonic() - began_s >= 10 / 40.0 - 0.05
