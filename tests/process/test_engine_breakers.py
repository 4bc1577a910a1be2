"""Breakers in a running engine: what counts for which, where tasks go meanwhile, and what is never done twice."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine import Agent, BreakerSpec, Engine, PoolSpec, errors
from pools.context import Context
from tests.support.processes import until

POOLS = [PoolSpec("p1", agents=50), PoolSpec("p2", agents=50)]
FAST = BreakerSpec(open_s=0.3, jitter=0.0)


class Reader(Agent):
    """Has a skill."""

    skills = ("read",)

    def ping(self) -> str:
        return "reader"


class Writer(Agent):
    """Has two."""

    skills = ("read", "write")

    def ping(self) -> str:
        return "writer"


class Caller(Agent):
    """Does what the message says."""

    count: int = 0

    def add(self) -> int:
        self.count += 1
        return self.count

    def total(self) -> int:
        return self.count

    def where(self) -> int:
        return os.getpid()

    def fail(self) -> None:
        raise RuntimeError("as told")

    async def rest(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        self.count += 1
        return os.getpid()

    async def call(self, target: str, is_well: bool, ctx: Context) -> bool:
        async with ctx.outside(target):
            if not is_well:
                raise OSError("no route")
        return True


def running(pools: Any = POOLS, **facts: Any) -> Engine:
    return Engine(kinds=[Caller], pools=pools, breaker=facts.pop("breaker", FAST), **facts)


def state_of(engine: Engine, pool: str, kind: str | None = None) -> str:
    return next(one["state"] for one in engine.breakers.facts() if (one["pool"], one["kind"]) == (pool, kind))


async def test_an_error_of_the_agents_own_code_cuts_off_its_kind_only() -> None:
    async with running() as engine:
        await engine.spawn(Caller, 100)
        for _ in range(5):
            with pytest.raises(errors.TaskFailed):
                await engine.ask("caller/0", "fail")
        assert state_of(engine, "p1", "caller") == "open"
        assert state_of(engine, "p1") == "closed"
        pids = {await engine.ask("caller", "where") for _ in range(20)}
        assert pids == {engine.swarm.seats[1].pid}
        assert await engine.ask("caller/0", "add") == 1


async def test_who_asks_wrongly_opens_nothing() -> None:
    async with running() as engine:
        await engine.spawn(Caller, 100)
        for _ in range(30):
            with pytest.raises(errors.BadArgument):
                await engine.ask("caller/0", "rest", "soon")
            with pytest.raises(errors.UnknownMethod):
                await engine.ask("caller/0", "nothing")
        assert {one["state"] for one in engine.breakers.facts()} == {"closed"}


async def test_a_kind_that_fails_everywhere_is_refused_with_a_time_and_probed() -> None:
    async with running() as engine:
        await engine.spawn(Caller, 100)
        seen = []
        for _ in range(30):
            try:
                await engine.ask("caller", "fail")
            except errors.PoolError as error:
                seen.append(error)
        refused = [error for error in seen if isinstance(error, errors.CircuitOpen)]
        assert len(refused) == 20
        assert all(error.retry_after_s and error.retry_after_s <= 0.3 for error in refused)
        await until(lambda: state_of(engine, "p1", "caller") == state_of(engine, "p2", "caller") == "half-open")
        results = await asyncio.gather(*(engine.ask("caller", "add") for _ in range(20)), return_exceptions=True)
        assert sum(type(result) is int for result in results) == 6
        assert sum(isinstance(result, errors.CircuitOpen) for result in results) == 14
        assert await engine.ask("caller", "add") > 0
        names = [event.name for event in engine.events if event.name.startswith("breaker.")]
        assert names.count("breaker.opened") == names.count("breaker.half_open") == names.count("breaker.closed") == 2


async def test_of_a_batch_as_many_pass_as_there_are_probes_and_the_rest_is_refused() -> None:
    async with running() as engine:
        await engine.spawn(Caller, 100)
        for key in (0, 99):
            await asyncio.gather(*(engine.ask(f"caller/{key}", "fail") for _ in range(5)), return_exceptions=True)
        tasks = [("caller", "add")] * 50
        refused = [result async for result in engine.map(tasks)]
        assert {result.error.type for result in refused if result.error} == {"CircuitOpen"}
        assert len(refused) == 50
        await until(lambda: state_of(engine, "p1", "caller") == state_of(engine, "p2", "caller") == "half-open")
        assert sum([result.ok async for result in engine.map(tasks)]) == 6
        assert all([result.ok async for result in engine.map(tasks)])


async def test_tasks_that_take_too_long_count_for_their_place() -> None:
    async with running() as engine:
        await engine.spawn(Caller, 100)
        late = [engine.ask("caller/0", "rest", 5.0, timeout_s=0.05) for _ in range(5)]
        results = await asyncio.gather(*late, return_exceptions=True)
        assert {type(result) for result in results} == {errors.TaskExpired}
        assert state_of(engine, "p1") == "open"
        assert {await engine.ask("caller", "where") for _ in range(10)} == {engine.swarm.seats[1].pid}


async def test_an_accepted_task_waits_until_a_breaker_admits_it() -> None:
    async with running() as engine:
        await engine.spawn(Caller, 100)
        for pool in ("p1", "p2"):
            engine.breakers.force("open", pool)
        ids = await engine.submit([("caller", "add")] * 10 + [("caller/3", "add")])
        with pytest.raises(errors.TaskOpen):
            await engine.result(ids[0], wait_s=0.3)
        engine.breakers.force("auto")
        for name in ids:
            assert await engine.result(name, wait_s=20) > 0
        assert sum([result.value async for result in engine.map([(f"caller/{key}", "total") for key in range(100)])]) == 11


async def test_what_an_agent_calls_outside_is_cut_off_in_its_worker_and_shown() -> None:
    async with running() as engine:
        await engine.spawn(Caller, 100)
        for _ in range(5):
            with pytest.raises(errors.TaskFailed, match="no route"):
                await engine.ask("caller/0", "call", "api.example.com", False)
        with pytest.raises(errors.CircuitOpen, match=r"api\.example\.com is not called now") as caught:
            await engine.ask("caller/1", "call", "api.example.com", True)
        assert caught.value.retry_after_s
        await until(lambda: bool(engine.breakers.outside()))
        (shown,) = engine.breakers.outside()
        assert (shown["target"], shown["worker"], shown["state"]) == ("api.example.com", "p1", "open")
        assert engine.stats().breakers["outside"][0]["target"] == "api.example.com"
        assert await engine.ask("caller/99", "call", "api.example.com", True)
        await asyncio.sleep(0.35)
        for _ in range(3):
            assert await engine.ask("caller/1", "call", "api.example.com", True)
        await until(lambda: not engine.breakers.outside())


async def test_tasks_that_want_skills_go_to_who_has_them_and_a_sticky_key_to_one_agent() -> None:
    async with Engine(kinds=[Caller, Reader, Writer], pools=POOLS, breaker=FAST) as engine:
        for kind in (Caller, Reader, Writer):
            await engine.spawn(kind, 10)
        routes = engine.swarm.routes
        wanted = [frozenset({"write"})] * 5 + [frozenset({"read"})] * 15 + [frozenset({"fly"})]
        found = routes.resolve_skilled(wanted)
        kinds = [one[1] for one in found if isinstance(one, tuple)]
        assert kinds[:5] == ["writer"] * 5
        assert set(kinds[5:]) <= {"reader", "writer"}
        assert kinds.count("reader") == 10
        assert isinstance(found[-1], errors.UnknownKind)
        assert "fly" in str(found[-1])
        assert isinstance(routes.resolve_skilled([frozenset({"write"})], "reader")[0], errors.UnknownKind)
        ids = await engine.submit([{"kind": kind, "method": "ping", "skills": ["write"]} for kind in ("writer", "reader")])
        assert await engine.result(ids[0], wait_s=10) == "writer"
        with pytest.raises(errors.UnknownKind, match="'reader' lacks some of the skills write; it has: read"):
            await engine.result(ids[1], wait_s=10)
        keys = {routes.resolve_sticky("caller", "session 7")[1] for _ in range(20)}
        assert len(keys) == 1
        engine.breakers.force("open", kind="writer")
        assert isinstance(routes.resolve_skilled([frozenset({"write"})])[0], errors.CircuitOpen)


async def test_tasks_of_a_map_that_want_skills_or_have_a_sticky_key_go_to_such_agents() -> None:
    async with Engine(kinds=[Caller, Reader, Writer], pools=POOLS, breaker=FAST) as engine:
        for kind in (Caller, Reader, Writer):
            await engine.spawn(kind, 10)
        lines: list[dict[str, Any]] = [{"id": f"w{at}", "method": "ping", "skills": ["write"]} for at in range(50)]
        lines += [{"id": "nobody", "method": "ping", "skills": ["fly"]}]
        lines += [{"id": f"s{at}", "kind": "caller", "method": "add", "sticky": "seven"} for at in range(20)]
        lines += [{"id": "tagged", "kind": "caller", "method": "add", "tags": ["x"]}]
        lines += [{"id": "behind", "kind": "caller", "method": "total", "sticky": "seven", "after": ["s19", "s0"]}]
        found = {result.id: result async for result in engine.map(lines)}
        assert {found[f"w{at}"].value for at in range(50)} == {"writer"}
        assert found["nobody"].error.type == "UnknownKind"
        assert sorted(found[f"s{at}"].value for at in range(20)) == [*range(1, 21)]
        assert found["tagged"].error.type == "BadArgument"
        assert found["behind"].value >= 2
        assert len(found) == len(lines)


async def test_a_batch_for_a_kind_reaches_every_agent_of_every_worker() -> None:
    pools = [PoolSpec("p1", agents=60, workers=2), PoolSpec("p2", agents=30)]
    async with running(pools) as engine:
        await engine.spawn(Caller, 90)
        results = [result async for result in engine.map([("caller", "add")] * 9_000, window=900)]
        assert all(result.ok for result in results)
        totals = [one.value async for one in engine.map([(f"caller/{key}", "total") for key in range(90)])]
        assert sum(totals) == 9_000
        assert min(totals) > 30
        asked = await asyncio.gather(*(engine.ask("caller", "where") for _ in range(90)))
        assert set(asked) == {seat.pid for seat in engine.swarm.seats}


# -- a pool dies in the middle -----------------------------------------------------------------------------------------


def kill(engine: Engine, pool: int) -> None:
    pid = engine.swarm.pools[pool].seats[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def test_in_memory_what_a_pool_took_with_it_fails_and_what_comes_goes_elsewhere() -> None:
    """Whether it ran is not known, so it is not run again unasked; nothing that comes after is lost."""
    async with running() as engine:
        await engine.spawn(Caller, 100)
        first = [engine.ask("caller", "rest", 0.3) for _ in range(40)]
        await asyncio.sleep(0.1)
        survivor = engine.swarm.seats[1].pid
        kill(engine, 0)
        await until(lambda: engine.swarm.seats[0].state != "running")
        second = [engine.ask("caller", "rest", 0.01) for _ in range(40)]
        assert {await one for one in second} == {survivor}
        results = await asyncio.gather(*first, return_exceptions=True)
        died = [result for result in results if isinstance(result, errors.WorkerDied)]
        assert len(died) == 20
        assert sum(result == survivor for result in results) == 20
        total = sum([one.value async for one in engine.map([(f"caller/{key}", "total") for key in range(50, 100)])])
        assert total == 60


async def test_where_state_is_kept_the_same_number_waits_for_its_worker_and_runs_once(tmp_path: Path) -> None:
    async with running(data=tmp_path / "data") as engine:
        await engine.spawn(Caller, 100)
        ids = await engine.submit([("caller", "rest", 0.2)] * 40)
        asked = [engine.ask("caller", "rest", 0.2) for _ in range(40)]
        await asyncio.sleep(0.1)
        kill(engine, 0)
        assert len(await asyncio.gather(*asked)) == 40
        for name in ids:
            await engine.result(name, wait_s=20)
        total = sum([one.value async for one in engine.map([(f"caller/{key}", "total") for key in range(100)])])
        assert total == 80
