"""A flood of low tasks holds up no critical one: counted in tasks that begin between, wherever the flood stands by then."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Options
from tests.support.commands import Commands, commands

POOLS = "durability: {durability}\npools:\n  p1: {{agents: 100}}\nkinds:\n  noted: {folder}/noted.py:Noted\n"
NOTED = """
import asyncio
import time

from pools.agent import Agent


class Noted(Agent):
    def block(self, path: str, mark: str) -> None:
        note(path, mark)
        time.sleep(0.005)

    async def rest(self, path: str, mark: str) -> None:
        note(path, mark)
        await asyncio.sleep(0.03)


def note(path: str, mark: str) -> None:
    with open(path, "a") as file:
        file.write(mark + "\\n")
"""
#: Tasks of the flood; those of them that begin before the critical one is sent.
FLOOD, BEGUN = 4_000, 50
#: Low tasks that may begin while the critical one is on its way: a slice that runs, and what half a second of a busy machine
#: lets by.
MOST = 200


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def until_begun(path: Path) -> int:
    """Wait for the first of the flood; returns how many have begun."""
    while len(lines(path)) < BEGUN:
        await asyncio.sleep(0.005)
    return len(lines(path))


def client(engine: Commands) -> Client:
    return Client(environ=engine.environ)


def task(path: Path, mark: str, agent: dict[str, str], method: str, **more: Any) -> dict[str, Any]:
    return {**agent, "method": method, "args": [str(path), mark], **more}


async def run(sender: Client, tasks: list[dict[str, Any]]) -> int:
    results = [result async for result in sender.map(tasks)]
    refused = {result.error.type for result in results if result.error}
    assert not refused, refused
    return len(results)


def begin(engine: Commands, durability: str) -> None:
    (engine.folder / "noted.py").write_text(NOTED)
    (engine.folder / "pools.yaml").write_text(POOLS.format(durability=durability, folder=engine.folder))
    assert engine("spawn", "--kind", "noted=10").returncode == 0


@pytest.mark.parametrize("method", ["block", "rest"])
@pytest.mark.parametrize("agent", [{"kind": "noted"}, {"agent": "noted/0"}], ids=["kind", "agent"])
@pytest.mark.parametrize("is_accepted", [False, True], ids=["attached", "accepted"])
@pytest.mark.timeout(180)
async def test_a_critical_task_begins_before_a_flood_of_low_ones(
    tmp_path: Path, agent: dict[str, str], method: str, is_accepted: bool
) -> None:
    with commands(tmp_path) as engine:
        begin(engine, "memory")
        path = tmp_path / "begun"
        low = [task(path, "low", agent, method, priority="low") for _ in range(FLOOD)]
        urgent = task(path, "critical", agent, method, priority="critical")
        async with client(engine) as flooder, client(engine) as other:
            if is_accepted:
                await flooder.submit(low)
                before = await until_begun(path)
                (name,) = await other.submit([urgent])
                await other.result(name, wait_s=60)
            else:
                flood = asyncio.create_task(run(flooder, low))
                before = await until_begun(path)
                assert await run(flooder, [urgent]) == 1
            assert lines(path).index("critical") - before < MOST
            if not is_accepted:
                before = len(lines(path))
                assert await run(other, [urgent]) == 1
                begun = lines(path)
                assert begun.index("critical", before) - before < MOST
                assert begun.count("low") < FLOOD, "all of the flood had ended before"
                flood.cancel()
                await asyncio.wait([flood])


@pytest.mark.timeout(180)
async def test_kept_tasks_that_are_critical_begin_before_a_flood_too(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        begin(engine, "sync")
        path = tmp_path / "begun"
        async with client(engine) as sender:
            low = [task(path, "low", {"kind": "noted"}, "block") for _ in range(FLOOD)]
            await sender.submit(low, options=Options(priority="low"))
            before = await until_begun(path)
            names = await sender.submit([task(path, "critical", {"kind": "noted"}, "block", priority="critical")])
            await sender.result(names[0], wait_s=60)
            assert lines(path).index("critical") - before < MOST


@pytest.mark.timeout(180)
async def test_a_flood_of_critical_ones_lets_low_ones_begin(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        begin(engine, "memory")
        path = tmp_path / "begun"
        async with client(engine) as sender, client(engine) as other:
            for agent in ({"kind": "noted"}, {"agent": "noted/0"}):
                path.unlink(missing_ok=True)
                high = [task(path, "critical", agent, "block", priority="critical") for _ in range(FLOOD)]
                flood = asyncio.create_task(run(sender, high))
                before = await until_begun(path)
                assert await run(other, [task(path, "low", agent, "block", priority="low")]) == 1
                assert lines(path).index("low") - before < MOST
                flood.cancel()
                await asyncio.wait([flood])
