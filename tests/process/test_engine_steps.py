"""A step that has ended is never run again, whatever is killed; an agent that is asked is asked once."""

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

from checkpoints.failpoint import MOMENTS
from checkpoints.store import open_store
from engine import errors
from engine.client import Client
from engine.engine import Engine
from pools.gauges import DONE
from tests.support.agents import Tally
from tests.support.commands import Commands, commands
from tests.support.processes import pool, until
from tests.support.steppers import Stepper

POOLS = "agents: 10000\ndurability: sync\npools:\n  p1: {agents: 5000}\n  p2: {agents: 5000}\n"


def lines(path: Path) -> list[list[str]]:
    """What was done outside: id and token of each, in order."""
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def durable(folder: Path, *, workers: int = 1, way: str = "sync", **environ: str) -> Engine:
    """An engine whose state is in a folder."""
    return Engine(
        kinds=[Stepper, Tally],
        pools=[pool(workers)],
        durability=way,
        data=folder / "data",
        seed=1,
        environ={**os.environ, **environ},
    )


def kill(engine: Engine, worker: int = 0) -> None:
    """Kill a worker's process, if it has one."""
    pid = engine.swarm.seats[worker].pid
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def check(done: list[list[str]], values: dict[str, str], *, tasks: int) -> int:
    """No step was run again once one behind it in its task had begun, and what a task has is what the last run gave.

    values: the token that was returned, by step.  tasks: how many there were, each under one name whatever died.
    Returns how often a step was run again at all.
    """
    last: dict[str, int] = {}
    runs: dict[str, int] = {}
    tokens: dict[str, str] = {}
    for step, token in done:
        task, _, ordinal = step.rpartition("/")
        assert int(ordinal) >= last.get(task, 0), f"{step} was run again though step {last[task]} had begun"
        last[task] = int(ordinal)
        runs[step] = runs.get(step, 0) + 1
        tokens[step] = token
    assert {step: tokens[step] for step in values} == values
    assert len(last) == tasks
    return sum(runs.values()) - len(runs)


async def test_steps_that_have_ended_are_not_run_again_after_any_death_of_the_worker(tmp_path: Path, chance: Random) -> None:
    path, agents, steps = tmp_path / "effects", 20, 30
    async with durable(tmp_path, workers=2) as engine:
        await engine.spawn("stepper", agents)
        asks = [engine.ask(f"stepper/{key}", "work", str(path), steps) for key in range(agents)]
        kills = 0
        while not all(ask.done() for ask in asks):
            before = len(lines(path))
            await asyncio.sleep(chance.uniform(0.002, 0.02))
            if kills < 8 and len(lines(path)) > before:
                kill(engine, chance.randrange(2))
                kills += 1
        values = dict(line for _, given in [await ask for ask in asks] for line in given)
        assert kills
        assert [await engine.ask(f"stepper/{key}", "count") for key in range(agents)] == [1] * agents
    assert len(values) == agents * steps
    assert check(lines(path), values, tasks=agents) <= kills * agents


@pytest.mark.parametrize("moment", ["commit.written", "commit.synced"])
async def test_a_step_is_run_again_only_where_its_record_is_not_whole(tmp_path: Path, moment: str) -> None:
    """The process dies at a moment of the log with some chance; what was written by then is there, and is never done again."""
    assert moment in MOMENTS
    path, deaths, agents, steps = tmp_path / "effects", tmp_path / "deaths", 6, 10
    environ = {"CHECKPOINTS_FAILPOINTS": f"{moment}=0.03", "CHECKPOINTS_DEATHS": str(deaths)}
    async with durable(tmp_path, **environ) as engine:
        await engine.spawn("stepper", agents)
        values: dict[str, str] = {}
        tasks = 0
        while tasks < 4 * agents or not deaths.exists():
            asks = [engine.ask(f"stepper/{key}", "work", str(path), steps) for key in range(agents)]
            values |= dict(line for _, given in await asyncio.gather(*asks) for line in given)
            tasks += agents
    assert set(deaths.read_text().splitlines()) == {moment}
    assert len(values) == tasks * steps
    # what a dying commit has written is there, so no step of it is run again; the steps that gather behind it are
    check(lines(path), values, tasks=tasks)


async def test_one_task_alone_whose_commits_die_once_written_never_repeats_a_step(tmp_path: Path) -> None:
    path, deaths = tmp_path / "effects", tmp_path / "deaths"
    environ = {"CHECKPOINTS_FAILPOINTS": "commit.written=0.05", "CHECKPOINTS_DEATHS": str(deaths)}
    tasks = 0
    async with durable(tmp_path, **environ) as engine:
        await engine.spawn("stepper", 1)
        while tasks < 4 or not deaths.exists():
            _, given = await engine.ask("stepper/0", "work", str(path), 12)
            assert len(given) == 12
            tasks += 1
    assert check(lines(path), {}, tasks=tasks) == 0
    assert len(lines(path)) == 12 * tasks


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("method", ["work_and_ask", "work_alone"])
async def test_an_agent_is_asked_once_whatever_worker_dies(tmp_path: Path, method: str, workers: int, chance: Random) -> None:
    path, agents, steps = tmp_path / "effects", 16 if method == "work_and_ask" else 4, 8
    async with durable(tmp_path, workers=workers) as engine:
        await engine.spawn("stepper", agents)
        await engine.spawn("tally", agents)
        asks = [engine.ask(f"stepper/{key}", method, str(path), f"tally/{key}", steps) for key in range(agents)]
        kills = 0
        while not all(ask.done() for ask in asks):
            before = len(lines(path))
            await asyncio.sleep(chance.uniform(0.002, 0.03))
            if kills < 4 and len(lines(path)) > before:
                kill(engine, chance.randrange(workers))
                kills += 1
        for given in await asyncio.gather(*asks):
            assert given[::2] == list(range(1, steps + 1))
        assert kills
        assert [await engine.ask(f"tally/{key}", "get") for key in range(agents)] == [steps] * agents
    check(lines(path), {}, tasks=agents)


async def test_a_task_that_killed_its_worker_has_its_steps_when_it_runs_alone(tmp_path: Path) -> None:
    path = tmp_path / "effects"
    async with durable(tmp_path) as engine:
        await engine.spawn("stepper", 1)
        first, second = await engine.ask("stepper/0", "kill_once", str(path))
        assert lines(path) == [first, second]
        assert engine.swarm.seats[0].restarts == 1


async def test_a_replay_that_takes_another_step_fails_and_its_steps_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "effects"
    async with durable(tmp_path) as engine:
        await engine.spawn("stepper", 2)
        ask = engine.ask("stepper/0", "wander", str(path))
        await until(lambda: len(lines(path)) == 2)
        await asyncio.sleep(0.1)
        kill(engine)
        with pytest.raises(errors.StepMismatch, match="'other") as caught:
            await ask
        assert caught.value.retry_after_s is None
        assert len(lines(path)) == 2
        assert await engine.ask("stepper/0", "count") == 0
        with pytest.raises(errors.TaskFailed, match="as told"):
            await engine.ask("stepper/1", "fail", str(path))
        assert engine.swarm.seats[0].cells[DONE]
    store = open_store(str(tmp_path / "data" / "p" / "0"), chance=os.urandom)
    assert store.window.steps.tasks == {}
    store.close()


async def test_a_task_that_is_taken_back_leaves_no_steps(tmp_path: Path) -> None:
    path = tmp_path / "effects"
    async with durable(tmp_path) as engine:
        await engine.spawn("stepper", 2)
        with pytest.raises(errors.TaskExpired):
            await engine.ask("stepper/0", "work_and_hang", str(path), 3, timeout_s=0.5)
        assert len(lines(path)) == 3
        assert await engine.ask("stepper/0", "work", str(path), 1)
        assert await engine.ask("stepper/1", "work", str(path), 1)
    store = open_store(str(tmp_path / "data" / "p" / "0"), chance=os.urandom)
    assert store.window.steps.tasks == {}
    store.close()


async def test_without_a_disk_steps_are_run_and_give_what_they_would_give(tmp_path: Path) -> None:
    path = tmp_path / "effects"
    async with Engine(kinds=[Stepper], pools=[pool()]) as engine:
        await engine.spawn("stepper", 2)
        tasks = [await engine.ask(f"stepper/{key}", "work", str(path), 3) for key in (0, 1, 0)]
    assert [line for _, given in tasks for line in given] == lines(path)
    assert len({step for step, _ in lines(path)}) == 9
    assert len({task for task, _ in tasks}) == 3


# -- the engine itself is killed ---------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engine keeps its state on the disk; one with 12 steppers and tallies runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        for kind in ("steppers:Stepper", "agents:Tally"):
            done = made("spawn", "--use", f"tests.support.{kind}", "--count", "12")
            assert done.returncode == 0, done.stderr
        yield made


async def keep_running(engine: Commands) -> None:
    """Start the engine again whenever it is gone."""
    while True:
        await asyncio.to_thread(engine, "start")
        await asyncio.sleep(0.05)


async def test_steps_outlive_the_engine(engine: Commands, tmp_path: Path) -> None:
    path, agents, steps = tmp_path / "effects", 12, 150
    working: list[asyncio.Future[Any]] = []
    asking: list[asyncio.Future[Any]] = []
    kills, seen = 0, 0
    async with Client(environ=engine.environ, patience_s=60) as client:
        keeper = asyncio.create_task(keep_running(engine))
        while kills < 3:  # each of them in the middle of tasks: if a slow poll missed the middle, there is another round
            if all(ask.done() for ask in [*working, *asking]):
                working += [client.ask(f"stepper/{key}", "work", str(path), steps) for key in range(agents)]
                asking += [client.ask(f"stepper/{key}", "work_and_ask", str(path), f"tally/{key}", 5) for key in range(agents)]
            await asyncio.sleep(0.01)
            if len(lines(path)) > seen + 150 and not all(ask.done() for ask in working):
                os.kill(int((engine.home / "run" / "engine" / "daemon.lock").read_text()), signal.SIGKILL)
                kills, seen = kills + 1, len(lines(path))
        values = dict(line for _, given in await asyncio.gather(*working) for line in given)
        rounds = len(working) // agents
        answers = [(await ask)[::2] for ask in asking]
        assert sorted(answers) == [[*range(5 * at + 1, 5 * at + 6)] for at in range(rounds) for _ in range(agents)]
        assert [await client.ask(f"tally/{key}", "get") for key in range(agents)] == [5 * rounds] * agents
        assert [await client.ask(f"stepper/{key}", "count") for key in range(agents)] == [2 * rounds] * agents
        keeper.cancel()
    assert check(lines(path), values, tasks=2 * agents * rounds) <= kills * 2 * agents
