"""A client outlives the engine that it speaks to: what it asked is done once, whatever was killed meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.client import Client
from engine.errors import LinkClosed
from tests.support.commands import Commands, commands

POOLS = "agents: 10000\ndurability: sync\npools:\n  p1: {agents: 5000}\n  p2: {agents: 5000}\n"

SLEEPER = """
import asyncio, os
from engine import Agent

class Sleeper(Agent):
    async def rest(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        return os.getpid()
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engines keep their state on the disk; one with 500 counters runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        assert made("spawn", "--count", "500").returncode == 0
        yield made


async def restart(engine: Commands) -> None:
    """Kill the engine's process, and start another."""
    pid = (await asyncio.to_thread(engine.document, "stats"))["pid"]
    os.kill(pid, signal.SIGKILL)
    while (await asyncio.to_thread(engine, "start")).returncode:
        await asyncio.sleep(0.05)


async def totals(engine: Commands, count: int) -> dict[int, Any]:
    """What each counter has."""
    async with Client(environ=engine.environ) as client:
        results = [result async for result in client.map((f"counter/{key}", "get") for key in range(count))]
    return {result.id: result.value for result in results}


async def test_every_add_counts_once_though_the_engine_is_killed_again_and_again(engine: Commands, chance: Random) -> None:
    agents, rounds = 300, 40
    async with Client(environ=engine.environ, patience_s=30) as client:

        async def caller(key: int) -> list[int]:
            return [await client.ask(f"counter/{key}", "add", 1) for _ in range(rounds)]

        callers = [asyncio.ensure_future(caller(key)) for key in range(agents)]
        restarts = 0
        while not all(task.done() for task in callers) and restarts < 4:
            await asyncio.sleep(chance.uniform(0.01, 0.1))
            await restart(engine)
            restarts += 1
        for task in callers:
            assert await task == list(range(1, rounds + 1))
    assert restarts
    assert await totals(engine, agents) == dict.fromkeys(range(agents), rounds)


async def test_a_map_goes_on_over_the_death_of_the_engine(engine: Commands) -> None:
    count = 60_000
    async with Client(environ=engine.environ, patience_s=30) as client:
        seen: set[int] = set()
        killing: asyncio.Future[None] | None = None
        async for result in client.map((f"counter/{number % 500}", "add", 1) for number in range(count)):
            assert result.ok, result.error
            assert result.id not in seen
            seen.add(result.id)
            if len(seen) % 15_000 == 5_000 and (killing is None or killing.done()):
                killing = asyncio.ensure_future(restart(engine))
        assert killing is not None
        await killing
    assert len(seen) == count
    assert await totals(engine, 500) == dict.fromkeys(range(500), count // 500)


async def test_tasks_for_a_kind_are_done_once_though_the_engine_is_killed_again_and_again(engine: Commands) -> None:
    """Whoever has least to do is asked; what is asked again goes to whom it went before, whatever there is to do then."""
    count = 60_000
    pid = engine.document("stats")["pid"]

    async def other() -> int:
        """Another engine, with more agents: each number would stand for another one."""
        while (await asyncio.to_thread(engine, "start")).returncode:
            await asyncio.sleep(0.05)
        assert (await asyncio.to_thread(engine, "spawn", "--add", "7")).returncode == 0
        return int((await asyncio.to_thread(engine.document, "stats"))["pid"])

    async with Client(environ=engine.environ, patience_s=30) as client:
        done = killed = 0
        starting: asyncio.Future[int] | None = None
        async for result in client.map((("counter", "add", 1) for _ in range(count)), window=8_000):
            assert result.ok, result.error
            done += 1
            if done % 15_000 == 5_000 and (starting is None or starting.done()):
                os.kill(pid if starting is None else starting.result(), signal.SIGKILL)
                starting, killed = asyncio.ensure_future(other()), killed + 1
        assert starting is not None
        await starting
    assert done == count
    assert sum((await totals(engine, 500 + 7 * killed)).values()) == count


async def test_a_task_for_a_kind_goes_to_who_has_least_to_do(engine: Commands) -> None:
    (engine.folder / "sleeper.py").write_text(SLEEPER)
    async with Client(environ=engine.environ) as client:
        await client.spawn("sleeper", 20, reference=f"{engine.folder}/sleeper.py:Sleeper", paths=[str(engine.folder)])
        pids = [await client.ask(f"sleeper/{key}", "rest", 0.0) for key in range(20)]
        busy = [client.ask(f"sleeper/{key}", "rest", 1.0) for key in range(20) if pids[key] == pids[0]]
        await asyncio.sleep(0.1)
        assert {await client.ask("sleeper", "rest", 0.0) for _ in range(30)} == {pids[-1]}
        assert pids[-1] != pids[0]
        assert set(await asyncio.gather(*busy)) == {pids[0]}


async def test_a_sticky_key_keeps_its_agent_over_the_death_of_the_engine_and_growth(engine: Commands) -> None:
    async def agents() -> list[str]:
        async with Client(environ=engine.environ) as client:
            ids = await client.submit([{"kind": "counter", "method": "get", "sticky": f"s{at}"} for at in range(20)])
            for name in ids:
                await client.result(name, wait_s=20)
            found = [(await client.task(name))["agent"] for name in ids]
            await client.spawn("counter", add=50)
            return found

    before = await agents()
    await restart(engine)
    assert await agents() == before


async def test_workers_may_die_too(engine: Commands, chance: Random) -> None:
    async with Client(environ=engine.environ, patience_s=30) as client:
        callers = [asyncio.ensure_future(client.ask(f"counter/{key}", "add", key)) for key in range(500) for _ in range(20)]
        for _ in range(3):
            await asyncio.sleep(0.01)
            for worker in await client.ps():
                if worker["pid"] and chance.random() < 0.5:
                    with suppress(ProcessLookupError):  # one that was killed before may not be back
                        os.kill(worker["pid"], signal.SIGKILL)
        await asyncio.gather(*callers)
    assert await totals(engine, 500) == {key: 20 * key for key in range(500)}


async def test_without_patience_a_lost_engine_fails_what_is_open_and_with_it_after_that_time(engine: Commands) -> None:
    for patience_s in (0.0, 0.3):
        async with Client(environ=engine.environ, patience_s=patience_s) as client:
            assert await client.ask("counter/1", "ping") == "pong"
            engine("stop", "--emergency")
            with pytest.raises(LinkClosed):
                await asyncio.wait_for(client.ask("counter/1", "ping"), 10)
        engine("start")


async def test_a_task_that_is_taken_back_stays_taken_back(engine: Commands) -> None:
    async with Client(environ=engine.environ, patience_s=5) as client:
        tasks = [client.ask("counter/7", "add", 1) for _ in range(50)]
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        kept = [value for value in done if isinstance(value, int)]
        assert len(kept) == 25
        assert await client.ask("counter/7", "get") >= 25
