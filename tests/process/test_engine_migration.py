"""Agents that change engines: each is in one place, with what it was, whatever dies on the way."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from engine.client import Client
from engine.engine import Engine
from engine.errors import AgentMoving, BadArgument, StateUnreadable, TooManyAgents, UnknownAgent, UnknownKind
from tests.support.agents import Asker, Book, Tally, Waiter
from tests.support.commands import commands
from tests.support.processes import ended_within, pool, until


@asynccontextmanager
async def running(folder: Path, way: str = "sync", **facts: Any) -> AsyncIterator[Engine]:
    """An engine in this process."""
    kinds = (Tally, Book, Waiter, Asker)
    async with Engine(kinds=kinds, pools=[pool(2, **facts)], durability=way, data=folder, seed=1) as engine:
        yield engine


@asynccontextmanager
async def two(folder: Path, way: str = "sync") -> AsyncIterator[tuple[Engine, Engine]]:
    """Two engines."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(running(folder / "a", way)),
            await stack.enter_async_context(running(folder / "b", way)),
        )


@pytest.mark.parametrize("way", ["memory", "sync"])
async def test_agents_move_with_what_they_were(tmp_path: Path, way: str) -> None:
    async with two(tmp_path, way) as (old, new):
        await old.spawn("tally", 20)
        await old.spawn("tally", keys=["a"], skills=["draw"])
        await old.spawn("book", keys=["b"])
        for key in (*range(10), "a"):
            await old.ask(f"tally/{key}", "add", 5)
        await old.ask("book/b", "write", 7)
        shown = await old.ask("book/b", "show")
        for kind, keys in (("tally", [3, 12, "a"]), ("book", ["b"])):
            given = await old.export_agents(kind, keys)
            assert {agent["key"] for agent in given.agents} == set(keys)
            assert (given.busy, given.missing, given.unreadable) == ([], [], {})
            with pytest.raises(AgentMoving):
                await old.ask(f"{kind}/{keys[0]}", "show" if kind == "book" else "get")
            assert await new.import_agents(kind, given.agents, name=f"m-{kind}") == (len(keys), False)
            assert (await old.remove(kind, keys)).removed == len(keys)
        with pytest.raises(UnknownAgent):
            await old.ask("tally/3", "get")
        assert [await new.ask(f"tally/{key}", "add", 1) for key in (3, 12, "a")] == [6, 1, 6]
        assert await new.ask("book/b", "show") == shown
        assert new.swarm.placement.talents.of("tally", "a") == {"draw"}
        assert (old.stats().agents["total"], new.stats().agents["total"]) == (18, 4)
    if way == "sync":
        async with two(tmp_path, way) as (old, new):
            assert [await new.ask(f"tally/{key}", "get") for key in (3, 12, "a")] == [6, 1, 6]
            assert await new.ask("book/b", "show") == shown
            with pytest.raises(UnknownAgent):
                await old.ask("tally/12", "get")


async def test_who_has_something_to_do_is_not_given_out_and_ends_it(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        await engine.spawn("waiter", 3)
        asked = engine.ask("waiter/1", "wait", 0.5)
        await until(lambda: engine.swarm.placement.count == 3 and any(seat.link.open for seat in engine.swarm.seats))
        accepted = await engine.submit([{"agent": "waiter/2", "method": "wait", "args": [0.0], "delay_s": 0.4}])
        given = await engine.export_agents("waiter", [0, 1, 2, 9])
        assert ([agent["key"] for agent in given.agents], given.missing) == ([0], [9])
        assert sorted(given.busy, key=str) == [1, 2]
        assert await asked == 1
        assert await engine.result(accepted[0], 20) == 1
        given = await engine.export_agents("waiter", [0, 1, 2])
        assert sorted(agent["key"] for agent in given.agents) == [0, 1, 2]


async def test_who_was_given_out_takes_no_task_in_any_process_until_it_is_retained(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        await engine.spawn("tally", 4)
        await engine.ask("tally/1", "add", 5)
        assert len((await engine.export_agents("tally", [1, 2])).agents) == 2
        assert await engine.present_agents("tally", [9, 3, 2, "a"]) == [2, 3]
        for seat in engine.swarm.seats:
            assert seat.pid is not None
            os.kill(seat.pid, signal.SIGKILL)
        await until(lambda: all(seat.state == "running" and seat.returns for seat in engine.swarm.seats))
        with pytest.raises(AgentMoving):
            await engine.ask("tally/1", "get")
        assert {(await engine.ask("tally", "where"))[1] for _ in range(8)} <= {0, 3}
    async with running(tmp_path) as engine:
        with pytest.raises(AgentMoving):
            await engine.ask("tally/2", "get")
        again = await engine.export_agents("tally", [1])
        assert again.agents == [{"key": 1, "state": {"total": 5}, "skills": [], "timers": []}]
        assert await engine.retain_agents("tally", [1, 2, 3, 99]) == [1, 2]
        assert await engine.ask("tally/1", "add", 1) == 6
    async with running(tmp_path) as engine:
        assert [await engine.ask(f"tally/{key}", "get") for key in (1, 2)] == [6, 0]


async def test_what_comes_twice_by_one_name_or_is_there_changes_nothing(tmp_path: Path) -> None:
    agents = [{"key": 1, "state": {"total": 5}}, {"key": "a", "state": None}]
    async with running(tmp_path) as engine:
        await engine.spawn("tally", keys=["a"])
        await engine.ask("tally/a", "add", 3)
        assert await engine.import_agents("tally", agents, name="one") == (1, False)
        await engine.ask("tally/1", "add", 1)
        assert await engine.import_agents("tally", agents, name="two") == (0, False)
        assert [await engine.ask(f"tally/{key}", "get") for key in (1, "a")] == [6, 3]
        await engine.remove("tally", [1])
        assert await engine.import_agents("tally", agents, name="one") == (0, True)
    async with running(tmp_path) as engine:
        assert await engine.import_agents("tally", agents, name="one") == (0, True)
        with pytest.raises(UnknownAgent):
            await engine.ask("tally/1", "get")
        assert await engine.import_agents("tally", agents, name="three") == (1, False)
        assert await engine.ask("tally/1", "get") == 5


async def test_what_cannot_be_taken_in_leaves_nothing(tmp_path: Path) -> None:
    good = {"key": 1, "state": {"total": 5}}
    async with running(tmp_path, agents=5) as engine:
        for bad, error in (
            ({"key": 2, "state": {"strange": 1}}, StateUnreadable),
            ({"key": 2, "state": {"total": "x"}}, StateUnreadable),
            ({"key": 2, "state": 7}, BadArgument),
            ({"key": 2, "timers": [["x"]]}, BadArgument),
            ({"key": 2, "color": "red"}, BadArgument),
            (good, BadArgument),
        ):
            with pytest.raises(error):
                await engine.import_agents("tally", [good, bad], name="x")
        with pytest.raises(TooManyAgents):
            await engine.import_agents("tally", [{"key": key, "state": None} for key in range(6)], name="x")
        with pytest.raises(UnknownKind):
            await engine.import_agents("nobody", [good], name="x")
        with pytest.raises(ValueError, match="at most"):
            await engine.export_agents("tally", range(2_000))
        assert engine.stats().agents["total"] == 0
        await engine.spawn("tally", 3)
        assert [await engine.ask(f"tally/{key}", "get") for key in range(3)] == [0, 0, 0]


async def test_timers_go_along_and_ring_once(tmp_path: Path) -> None:
    async with two(tmp_path) as (old, new):
        await old.spawn("asker", 1)
        await old.ask("asker/0", "later", 1.0, 7)
        [given] = (await old.export_agents("asker", [0])).agents
        assert [timer[0] for timer in given["timers"]] == ["hear"]
        await new.import_agents("asker", [given], name="x")
        await old.remove("asker", [0])
        async with asyncio.timeout(30):
            while await new.ask("asker/0", "hear", 0) != 7:
                await asyncio.sleep(0.05)
    async with two(tmp_path) as (_, new):
        assert await new.ask("asker/0", "hear", 0) == 7


async def test_a_kill_at_any_moment_leaves_each_agent_in_one_place_at_least_and_its_state_whole(tmp_path: Path) -> None:
    """Both engines are killed again and again while 60 agents go over; what was not confirmed is asked for again."""
    text = "agents: 1000\ndurability: sync\npools:\n  p1: {agents: 1000}\n"
    count = 60
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with commands(tmp_path / "a") as a, commands(tmp_path / "b") as b:
        for made in (a, b):
            (made.folder / "pools.yaml").write_text(text)
            assert made("start").returncode == 0
        async with Client(environ=a.environ) as client:
            await client.spawn("counter", count)
            await asyncio.gather(*(client.ask(f"counter/{key}", "add", key) for key in range(count)))

        async def move(step: int) -> None:
            keys = range(step * 10, step * 10 + 10)
            async with Client(environ=a.environ) as old, Client(environ=b.environ) as new:
                given = await old.export_agents("counter", keys)
                if given.agents:
                    await new.import_agents("counter", given.agents, name=f"step-{step}")
                await old.remove("counter", keys)

        for step in range(count // 10):
            moving = asyncio.ensure_future(move(step))
            await asyncio.sleep(0.004 * step)
            victim = (a, b)[step % 2]
            pid = victim.pids()[0]
            os.kill(pid, signal.SIGKILL)
            with suppress(Exception):
                await moving
            assert await asyncio.to_thread(ended_within, [pid], 20)
            done = await asyncio.to_thread(victim, "start")
            assert done.returncode == 0, done.stderr
            await move(step)
        async with Client(environ=a.environ) as old, Client(environ=b.environ) as new:
            assert (await old.stats())["agents"]["total"] == 0
            assert [await new.ask(f"counter/{key}", "get") for key in range(count)] == list(range(count))
