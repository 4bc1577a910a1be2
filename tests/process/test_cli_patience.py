"""Whoever runs tasks on an engine that keeps state does not notice that it was killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.client import Client
from engine.errors import LinkClosed, NotRunning
from tests.support.commands import Commands, commands
from tests.support.processes import ended_within

KEPT = "agents: 10000\ndurability: {way}\npools:\n  p1: {{agents: 5000}}\n  p2: {{agents: 5000}}\n"
#: Seconds within which an error comes at once, on a busy machine.
AT_ONCE_S = 10.0


@pytest.fixture(params=["sync", "os"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engines keep their state on the disk; one with 100 counters runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(KEPT.format(way=request.param))
        assert made("spawn", "--count", "100").returncode == 0
        yield made


def kill(engine: Commands, known: Sequence[int] = ()) -> None:
    """Kill the engine's process, and wait until all of it is gone. known: its processes, for who is in a hurry."""
    pids = known or engine.pids()
    os.kill(pids[0], signal.SIGKILL)
    assert ended_within(pids, 10)


@contextmanager
def running(engine: Commands, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A command that has printed something, and the file that it prints to."""
    out = engine.folder / "results.jsonl"
    with out.open("wb") as file:
        process = engine.start(*words, stdout=file)
        while not out.stat().st_size:
            assert process.poll() is None
            time.sleep(0.005)
        yield process, out


def test_a_run_goes_on_over_the_death_of_the_engine_and_has_every_result_once(engine: Commands) -> None:
    count = 100_000
    tasks = engine.file("tasks.jsonl", *({"agent": f"counter/{n % 100}", "method": "add", "args": [1]} for n in range(count)))
    pids = engine.pids()
    with running(engine, "run", tasks, "--window", "512") as (process, out):
        kill(engine, pids)
        assert engine("start").returncode == 0
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert b"the engine is gone; it is waited for" in said
    assert b"the engine is back after" in said
    results = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert all(result["ok"] for result in results)
    assert sorted(result["id"] for result in results) == list(range(count))
    values: dict[int, list[int]] = {}
    for result in results:
        values.setdefault(result["id"] % 100, []).append(result["value"])
    assert all(sorted(counted) == list(range(1, count // 100 + 1)) for counted in values.values())
    assert engine("ask", "counter/7", "get").stdout == f"{count // 100}\n"


def mixed(count: int, chance: Random) -> Iterator[dict[str, Any]]:
    """Tasks that add 1 each: to an agent, to any of the kind, behind another one, and by a priority."""
    for n in range(count):
        task: dict[str, Any] = {"id": f"t{n}", "agent": f"counter/{chance.randrange(100)}", "method": "add", "args": [1]}
        match chance.randrange(4):
            case 0:
                task["kind"] = task.pop("agent").partition("/")[0]
            case 1:
                task["after"] = [f"t{n - 3}"] if n >= 3 else []
            case 2:
                task["priority"] = chance.choice(["low", "critical"])
        yield task


def test_whatever_the_lines_of_a_run_ask_for_it_is_done_once_over_three_deaths(engine: Commands, chance: Random) -> None:
    count, deaths = 60_000, 3
    tasks = engine.file("tasks.jsonl", *mixed(count, chance))
    pids = engine.pids()
    with running(engine, "run", tasks, "--window", "256") as (process, out):
        for _ in range(deaths):
            kill(engine, pids)
            ended = out.read_bytes().count(b"\n")
            assert process.poll() is None
            assert engine("start").returncode == 0
            pids = engine.pids()
            while out.read_bytes().count(b"\n") < ended + 1_000:  # it goes on in each life
                assert process.poll() is None
                time.sleep(0.005)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert said.count(b"the engine is back after") == deaths
    results = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert all(result["ok"] for result in results)
    assert sorted(result["id"] for result in results) == sorted(f"t{n}" for n in range(count))
    engine("stop")
    states = [json.loads(line) for line in engine("checkpoints", "export", "--all").stdout.splitlines()]
    assert sum(state["state"]["total"] for state in states) == count


async def test_a_client_waits_by_itself_and_says_so(engine: Commands) -> None:
    told: list[str] = []
    async with Client(environ=engine.environ, told=told.append) as client:
        assert await client.ask("counter/1", "add", 1) == 1
        await asyncio.to_thread(kill, engine)
        asked = client.ask("counter/1", "add", 1)
        started = asyncio.ensure_future(asyncio.to_thread(engine, "start"))
        assert await asyncio.wait_for(asked, 30) == 2
        assert (await started).returncode == 0
        assert [line.partition(";")[0].partition(" after")[0] for line in told] == ["the engine is gone", "the engine is back"]
        await client.stop()
        with pytest.raises(LinkClosed):
            async with asyncio.timeout(AT_ONCE_S):  # it was stopped by this client: nobody will start it
                while True:
                    await client.ask("counter/1", "get")


async def test_an_engine_that_comes_back_without_its_state_is_not_asked_again(engine: Commands, tmp_path: Path) -> None:
    async with Client(environ=engine.environ) as client:
        assert await client.ask("counter/1", "add", 1) == 1
        await asyncio.to_thread(kill, engine)
        (tmp_path / "pools.yaml").write_text(KEPT.format(way="memory"))
        asked = client.ask("counter/1", "add", 1)
        assert (await asyncio.to_thread(engine, "spawn", "--count", "100")).returncode == 0
        with pytest.raises(LinkClosed, match="keeps no state now"):
            await asyncio.wait_for(asked, 30)


def test_with_state_in_memory_a_lost_engine_ends_a_run_at_once(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(KEPT.format(way="memory"))
        assert engine("spawn", "--count", "100").returncode == 0
        tasks = engine.file("tasks.jsonl", *({"agent": f"counter/{n % 100}", "method": "ping"} for n in range(200_000)))
        pids = engine.pids()
        with running(engine, "run", tasks, "--window", "64") as (process, out):
            kill(engine, pids)
            began_s = time.monotonic()
            _, said = process.communicate(timeout=30)
        assert process.returncode == 3
        assert time.monotonic() - began_s < AT_ONCE_S
        assert b"the engine went away" in said
        assert b'"LinkClosed"' in out.read_bytes()


async def test_where_none_runs_the_first_connection_fails_at_once(engine: Commands) -> None:
    engine("stop")
    began_s = time.monotonic()
    with pytest.raises(NotRunning):
        async with Client(environ=engine.environ):
            pass
    assert (await asyncio.to_thread(engine, "ask", "counter/1", "get")).returncode == 3
    assert time.monotonic() - began_s < AT_ONCE_S
