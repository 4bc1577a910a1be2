"""What an accepted task has changed is counted by the engine: the same over any death, and whatever the task says of itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import Options
from engine.client import Client
from engine.engine import Engine
from engine.errors import TaskFailed, TaskHung
from pools.effects import MOST
from pools.errors import BadArgument
from tests.support.changers import Changer, Scale
from tests.support.commands import Commands, commands
from tests.support.processes import pool, until

COUNTED = Options(count_effects=True)
WAYS = ["memory", "os", "sync"]
ALL = {"fields": 2, "steps": 2, "checkpoints": 1, "asks": 1, "tells": 1, "tests": 3}


@asynccontextmanager
async def engine_of(folder: Path, durability: str = "memory", workers: int = 1) -> AsyncIterator[Engine]:
    """An engine with some agents of both kinds."""
    kept: dict[str, Any] = {} if durability == "memory" else {"data": folder / "data"}
    facts: dict[str, Any] = {"durability": durability, "seed": 1, **kept}
    async with Engine(kinds=[Changer, Scale], pools=[pool(workers)], **facts) as engine:
        await engine.spawn("changer", 8)
        await engine.spawn("scale", 8)
        yield engine


async def done(engine: Engine, *task: Any, options: Options = COUNTED) -> tuple[Any, dict[str, int] | None, float | None]:
    """The value of a task, its effects, and how long it ran."""
    (name,) = await engine.submit([task], options=options)
    value = await engine.result(name, wait_s=30)
    facts = await engine.task(name)
    return value, facts["effects"], facts["ran_s"]


async def effects(engine: Engine, *task: Any) -> dict[str, int] | None:
    """The effects of a task."""
    return (await done(engine, *task))[1]


@pytest.mark.parametrize("durability", WAYS)
async def test_what_a_task_changes_is_counted_and_what_it_writes_over_is_not(tmp_path: Path, durability: str) -> None:
    async with engine_of(tmp_path, durability) as engine:
        for at, method in enumerate(("put", "later", "alone")):
            assert (await done(engine, f"scale/{at + 1}", method, 5))[:2] == (5, {"fields": 1}), method
            assert (await done(engine, f"scale/{at + 1}", method, 5))[:2] == (5, {}), method
        assert await effects(engine, "scale/0", "both", 1, 0.5) == {"fields": 2}
        assert await effects(engine, "scale/0", "both", 1, float("0.50")) == {}
        assert await effects(engine, "scale/0", "both", 1, -0.0) == {"fields": 1}
        assert await effects(engine, "scale/0", "look") == {}
        assert await effects(engine, "changer/0", "look") == {}
        for word in "ab":
            assert (await done(engine, "changer/0", "nest", word))[:2] == (word, {"fields": 1})
            assert await effects(engine, "changer/0", "grow", word) == {"fields": 1}
        assert await effects(engine, "changer/0", "write", "x", 1.5) == {"fields": 2}
        for same, count in ((1.5, 0), (1.5, 0), ([1], 1), ([1], 0), (True, 1), (1, 1), (1.0, 1)):
            assert await effects(engine, "changer/0", "write", "x", same) == ({"fields": count} if count else {}), same


@pytest.mark.parametrize("durability", WAYS)
@pytest.mark.parametrize("method", ["all_of_it", "all_alone"])
async def test_all_that_a_task_does_through_the_engine_is_counted(tmp_path: Path, durability: str, method: str) -> None:
    async with engine_of(tmp_path, durability, workers=2) as engine:
        value, counts, ran_s = await done(engine, "changer/1", method)
        assert (value, counts) == (1, ALL)
        assert ran_s is not None
        assert ran_s > 0
        said = {"tells": 3, "spawns": 3, "timers": 3, "tests": 42, "lines": 1}
        assert await effects(engine, "changer/2", "say", 3) == said
        assert await effects(engine, "changer/2", "pair") == {}
        assert (await done(engine, "changer/2", "pair"))[0] == [1, {"fields": 9}, 2.5]
        assert await done(engine, "changer/2", "pair", options=Options()) == ([1, {"fields": 9}, 2.5], None, None)


async def test_a_task_that_fails_has_no_effects_and_a_retry_has_those_of_the_attempt_that_was_done(tmp_path: Path) -> None:
    async with engine_of(tmp_path, "sync") as engine:
        for task in (("changer/1", "claim_and_fail"), ("scale/1", "fail")):
            (name,) = await engine.submit([task], options=COUNTED)
            with pytest.raises(TaskFailed):
                await engine.result(name, wait_s=30)
            facts = await engine.task(name)
            assert (facts["state"], facts["effects"], facts["ran_s"]) == ("failed", None, None)
        options = Options(count_effects=True, retries=3, backoff_s=0.01)
        value, counts, _ = await done(engine, "changer/1", "fail_first", str(tmp_path / "failed"), options=options)
        assert (value, counts) == ("done", {"fields": 1, "tests": 1})


@pytest.mark.parametrize(
    ("name", "count"),
    [("", 1), ("n" * 65, 1), ("fields", 1), ("steps", 0), ("tests", -1), ("tests", MOST + 1)],
)
async def test_a_task_that_reports_what_it_may_not_fails_counted_or_not(tmp_path: Path, name: str, count: int) -> None:
    async with engine_of(tmp_path) as engine:
        for options in (COUNTED, Options()):
            with pytest.raises(BadArgument, match="report: "):
                await done(engine, "changer/1", "claim", name, count, options=options)
        assert await effects(engine, "changer/1", "claim", "tests", MOST) == {"tests": MOST}
        assert await effects(engine, "changer/1", "claim", "ran_s", 1) == {"ran_s": 1}
        assert await effects(engine, "changer/1", "claim", "x" * 64, 0) == {}


@pytest.mark.parametrize("durability", WAYS)
async def test_how_long_a_task_ran_is_from_its_first_instruction_to_its_end(tmp_path: Path, durability: str) -> None:
    async with engine_of(tmp_path, durability) as engine:
        names = await engine.submit([("changer/1", "rest", 0.2)] * 2, options=COUNTED)  # the second waits for the first
        for name in names:
            await engine.result(name, wait_s=30)
            facts = await engine.task(name)
            assert 0.19 < facts["ran_s"] < 0.39, facts
        assert facts["ended_s"] - facts["started_s"] > 0.39


@pytest.mark.parametrize("size", [10, 4_000_000])
async def test_large_values_come_with_their_effects(tmp_path: Path, size: int) -> None:
    async with engine_of(tmp_path, "sync", workers=2) as engine:
        names = await engine.submit([(f"changer/{key}", "big", size) for key in range(8)], options=COUNTED)
        for name in names:
            assert await engine.result(name, wait_s=60) == "v" * size
            assert (await engine.task(name))["effects"] == {"fields": 1}


def kill(engine: Engine) -> None:
    """Kill every worker."""
    for seat in engine.swarm.seats:
        if seat.pid is not None:
            os.kill(seat.pid, signal.SIGKILL)


@pytest.mark.parametrize("durability", ["os", "sync"])
async def test_a_task_whose_process_dies_midway_has_the_same_effects_once(tmp_path: Path, durability: str) -> None:
    """The second time it runs alone, in a process of its own."""
    async with engine_of(tmp_path, durability) as engine:
        value, counts, _ = await done(engine, "changer/1", "die_midway", str(tmp_path / "death"))
        assert (value, counts) == (1, {"fields": 1, "steps": 3, "checkpoints": 1, "tests": 7})
        assert (tmp_path / "death").exists()
        value, counts, _ = await done(engine, "changer/2", "go_on_behind", str(tmp_path / "behind"))
        assert (value, counts) == (3, {"steps": 2, "checkpoints": 1, "asks": 1})


async def test_effects_are_the_same_where_the_answer_is_asked_for_again(tmp_path: Path) -> None:
    """Workers are killed while tasks run and while their answers are on their way."""
    async with engine_of(tmp_path, "sync", workers=2) as engine:
        gate = tmp_path / "gate"
        tasks: list[Any] = [("changer/1", "wait_for", str(gate))]
        tasks += [(f"scale/{key}", "put", round_) for round_ in range(1, 200) for key in range(8)]
        names = await engine.submit(tasks, options=COUNTED)
        for _ in range(4):
            await asyncio.sleep(0.05)
            kill(engine)
        gate.touch()
        for name in names:
            await engine.result(name, wait_s=60)
        facts = [await engine.task(name) for name in names]
        assert facts[0]["effects"] == {"fields": 1, "steps": 1, "lines": 4}
        assert all(each["effects"] == {"fields": 1} for each in facts[1:])
        await until(lambda: all(seat.pid for seat in engine.swarm.seats))


async def test_a_counted_task_that_hangs_is_interrupted_like_any_other(tmp_path: Path) -> None:
    async with engine_of(tmp_path) as engine:
        pids = [seat.pid for seat in engine.swarm.seats]
        with pytest.raises(TaskHung, match="interrupted"):
            await done(engine, "changer/1", "spin", 1)
        assert (await done(engine, "changer/1", "spin", 0))[:2] == (1, {"fields": 1})
        assert [seat.pid for seat in engine.swarm.seats] == pids


async def test_counted_tasks_that_ask_each_other_in_a_circle_are_told_so(tmp_path: Path) -> None:
    async with engine_of(tmp_path, workers=2) as engine:
        names = await engine.submit([(f"changer/{key}", "ask_on", f"changer/{1 - key}") for key in range(2)], options=COUNTED)
        told = [await engine.result(name, wait_s=30) for name in names]
        assert any("Deadlock" in each for each in told), told


# -- the engine's own death --------------------------------------------------------------------------------------------

POOLS = "agents: 10000\ndurability: {durability}\npools:\n  p1: {{agents: 5000}}\n  p2: {{agents: 5000}}\n"


@pytest.fixture(params=["sync", "os"])
def daemon(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Commands]:
    """The command line, whose engine keeps its state on the disk; one with agents of both kinds runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS.format(durability=request.param))
        for kind in ("Changer", "Scale"):
            spawned = made("spawn", "--use", f"tests.support.changers:{kind}", "--count", "8")
            assert spawned.returncode == 0, spawned.stderr
        yield made


async def test_effects_are_the_same_whatever_of_the_engine_is_killed(daemon: Commands, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with Client(environ=daemon.environ, patience_s=60) as client:
        waits = await client.submit([(f"changer/{key}", "wait_for", str(gate)) for key in range(4)], options=COUNTED)
        puts = await client.submit([("scale/1", "put", at // 2) for at in range(400)], options=COUNTED)
        for at in range(3):
            await asyncio.sleep(0.1)
            os.kill(int((daemon.home / "run" / "engine" / "daemon.lock").read_text()), signal.SIGKILL)
            while (await asyncio.to_thread(daemon, "start")).returncode:
                await asyncio.sleep(0.02)
            if at == 1:
                gate.touch()
        for name in waits:
            assert await client.result(name, wait_s=60) == 1
            facts = await client.task(name)
            assert (facts["effects"], facts["ran_s"] > 0) == ({"fields": 1, "steps": 1, "lines": 4}, True)
        for at, name in enumerate(puts):
            await client.result(name, wait_s=60)
            assert (await client.task(name))["effects"] == ({} if at < 1 or at % 2 else {"fields": 1}), at
        before = [await client.task(name) for name in waits]
    shown = daemon("tasks", "show", waits[0])
    assert "fields 1, steps 1, lines 4" in shown.stdout, shown.stderr
    assert json.loads(daemon("tasks", "show", waits[0], "--json").stdout)["task"]["effects"] == before[0]["effects"]
    told = daemon("why", puts[0]).stdout
    assert any(line.split() == ["effects", "none"] for line in told.splitlines()), told
    line = json.dumps({"id": "mine", "agent": "changer/5", "method": "nest", "args": ["x"], "count_effects": True})
    assert daemon("submit", "-", stdin=line).returncode == 0
    assert daemon("tasks", "result", "mine", "--wait", "30s").stdout.strip() == '"x"'
    assert "fields 1" in daemon("tasks", "show", "mine").stdout
