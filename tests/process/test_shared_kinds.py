"""What agents share: memory that keeps what it answered and topics whose messages arrive once, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import errors
from engine.client import Client
from engine.engine import Engine
from engine.kinds.memory import Memory
from engine.kinds.topic import Topic
from pools.agent import Agent
from pools.gauges import DONE
from pools.log import Log
from pools.method import task
from pools.spec import PoolSpec
from pools.table import Table
from tests.support.agents import Asker
from tests.support.commands import ROOT, Commands, commands
from tests.support.processes import pool, running, until


class Hearer(Agent):
    """Notes every message that it gets, and publishes when it is told to."""

    heard: Log[Any]

    def hear(self, message: dict[str, Any]) -> None:
        """Note it."""
        self.heard.append([message["topic"], message["offset"], message["from"], message["value"]])

    def show(self) -> list[Any]:
        """Everything that was heard, in order."""
        return list(self.heard)

    def say(self, topic: str, value: Any, ctx: Any, fails: bool = False) -> None:
        """Publish a value, and fail if told so."""
        ctx.tell(f"topic/{topic}", "publish", value, ctx.agent_id)
        if fails:
            raise ValueError("as told")

    def listen(self, topic: str, ctx: Any) -> None:
        """Subscribe."""
        ctx.tell(f"topic/{topic}", "subscribe", ctx.agent_id, "hear", 0)


class Ledgered(Agent):
    """Changes a table in a process of its own."""

    rows: Table[Any]
    notes: Log[Any]

    @task(max_run_s=20)
    def change(self, name: str, value: Any, gone: str = "", fails: bool = False) -> int:
        """Set one row, remove another one; returns the process."""
        self.rows[name] = value
        self.notes.append(name)
        self.rows.pop(gone, None)
        if fails:
            raise ValueError("as told")
        return os.getpid()

    def show(self) -> list[Any]:
        """Everything."""
        return [dict(self.rows), list(self.notes)]


KINDS = (Memory, Topic, Hearer, Asker, Ledgered)


@asynccontextmanager
async def durable(folder: Path, *, workers: int = 2, pools: list[PoolSpec] | None = None) -> AsyncIterator[Engine]:
    """An engine whose state is in a folder."""
    async with Engine(kinds=KINDS, pools=pools or [pool(workers)], durability="sync", data=folder, seed=1) as engine:
        yield engine


def kill(engine: Engine, worker: int) -> int:
    """Kill a worker's process if it has done something since its start; returns how many were killed."""
    seat = engine.swarm.seats[worker]
    pid = seat.pid
    if pid is None or seat.state != "running" or seat.cells[DONE] <= _done.get(pid, 0):
        return 0
    _done[pid] = seat.cells[DONE]
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return 1


_done: dict[int, int] = {}


def home_of(engine: Engine, address: str) -> int:
    """The worker that an agent lives in, of an engine with one pool."""
    kind, _, key = address.partition("/")
    return engine.swarm.placement.worker_of(kind, key)[1]


# -- memory ------------------------------------------------------------------------------------------------------------


async def test_a_namespace_is_there_at_its_first_use_and_sees_no_other() -> None:
    async with running([pool(2)], KINDS) as engine:
        assert await engine.ask("memory/a", "get", "x") is None
        assert await engine.ask("memory/a", "set", "x", {"in": "a"}) == 1
        assert await engine.ask("memory/b", "cas", "x", 0, {"in": "b"}) == {"is_set": True, "version": 1}
        assert await engine.ask("memory/b", "delete", "y") is False
        assert await engine.ask("memory/a", "delete", "x") is True
        assert [await engine.ask(f"memory/{name}", "get", "x") for name in "abc"] == [None, {"in": "b"}, None]
        assert engine.stats().agents["total"] == 3
        with pytest.raises(errors.UnknownAgent, match="give this one a name"):
            await engine.ask("memory/7", "get", "x")
        with pytest.raises(errors.UnknownKind):
            await engine.ask("hearer/nobody", "show")


async def test_agents_of_any_worker_share_a_namespace_also_one_that_is_new() -> None:
    async with running([pool(3)], KINDS) as engine:
        await engine.spawn("asker", 30)
        answers = [engine.ask(f"asker/{key}", "ask", "memory/plans", "set", [f"n{key}", key]) for key in range(30)]
        assert sorted(await asyncio.gather(*answers)) == list(range(1, 31))
        page = await engine.ask("asker/0", "ask", "memory/plans", "names")
        assert len(page["names"]) == 30
        assert await engine.ask("asker/7", "ask", "memory/plans", "get", ["n29"]) == 29


async def test_limits_come_back_as_the_errors_they_are() -> None:
    async with running([pool(1, agents=2)], KINDS) as engine:
        with pytest.raises(errors.BadArgument, match="65,538 bytes as JSON"):
            await engine.ask("memory/a", "set", "x", "x" * 65_536)
        with pytest.raises(errors.BadArgument, match="above 0"):
            await engine.ask("memory/a", "set", "x", 1, -1)
        for number in range(64):
            await engine.ask("memory/a", "set", f"n{number}", "x" * 65_000)
        with pytest.raises(errors.StateTooLarge, match="4,194,304"):
            await engine.ask("memory/a", "set", "more", "x" * 65_000)
        assert (await engine.ask("memory/a", "size"))["names"] == 64
        await asyncio.gather(*(engine.ask("memory/b", "set", f"n{number}", 1) for number in range(10_000)))
        with pytest.raises(errors.AgentFull, match="memory/b has 10,000 names"):
            await engine.ask("memory/b", "set", "more", 1)
        assert await engine.ask("memory/b", "set", "n7", 2) == 10_001
        with pytest.raises(errors.TooManyAgents):
            await engine.ask("memory/c", "get", "x")


async def test_every_set_that_was_answered_is_there_though_its_worker_is_killed_between_sets(
    tmp_path: Path, chance: Random
) -> None:
    names, rounds = 20, 60
    kills = 0
    async with durable(tmp_path) as engine:
        versions: list[int] = []
        for number in range(rounds):
            versions += await asyncio.gather(
                *(engine.ask("memory/plans", "set", f"n{name}", [number, name]) for name in range(names))
            )
            if chance.random() < 0.3 and kills < 12:
                kills += kill(engine, home_of(engine, "memory/plans"))
            if number % 10 == 9:
                await engine.ask("memory/plans", "delete", f"n{number // 10}")
        assert kills > 2
        assert versions == list(range(1, names * rounds + 1))
        wanted = {f"n{name}": [rounds - 1, name] for name in range(names) if name != rounds // 10 - 1}
        assert await everything(engine) == wanted
    async with durable(tmp_path) as engine:
        assert await everything(engine) == wanted


async def everything(engine: Engine) -> dict[str, Any]:
    """All values of a namespace."""
    page = await engine.ask("memory/plans", "names")
    return {name: await engine.ask("memory/plans", "get", name) for name in page["names"]}


async def test_time_goes_on_for_a_value_while_nothing_runs(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1) as engine:
        await engine.ask("memory/plans", "set", "brief", 1, 0.8)
        await engine.ask("memory/plans", "set", "long", 2, 1_000)
        await engine.ask("memory/plans", "set", "ever", 3)
        expires_s = (await engine.ask("memory/plans", "entry", "brief"))["expires_s"]
        kill(engine, 0)
        assert await engine.ask("memory/plans", "get", "brief") == 1
    async with durable(tmp_path, workers=1) as engine:
        while time.time() < expires_s:
            await asyncio.sleep(0.02)
        assert [await engine.ask("memory/plans", "get", name) for name in ("brief", "long", "ever")] == [None, 2, 3]
        left_s = (await engine.ask("memory/plans", "entry", "long"))["expires_s"] - time.time()
        assert 900 < left_s < 1_000
        assert await engine.ask("memory/plans", "cas", "brief", 0, 4) == {"is_set": True, "version": 4}


async def test_a_set_writes_its_entry_and_not_the_namespace(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1) as engine:
        await asyncio.gather(*(engine.ask("memory/plans", "set", f"n{number}", "x" * 500) for number in range(4_000)))
        before = written(tmp_path)
        for number in range(50):
            await engine.ask("memory/plans", "set", f"n{number * 7}", number)
        assert (written(tmp_path) - before) / 50 < 600


def written(folder: Path) -> int:
    """Bytes of the log of the one worker."""
    return sum(file.stat().st_size for file in (folder / "p" / "0").glob("*.log"))


async def test_a_namespace_is_found_again_though_the_record_of_its_making_was_lost(tmp_path: Path) -> None:
    """Nobody waits for that record: the engine may die before it is written, when the worker has kept the state."""
    pools = [pool(2, agents=50), PoolSpec("q", agents=500, workers=2, sleep_after_s=None)]
    names = [f"space-{number}" for number in range(20)]
    data, copy = tmp_path / "data", tmp_path / "copy"
    async with durable(data, pools=pools) as engine:
        await engine.spawn("hearer", 30)
    shutil.copytree(data / "_roster", copy)
    async with durable(data, pools=pools) as engine:
        for name in names:
            await engine.ask(f"memory/{name}", "set", "x", name)
        homes = {name: engine.swarm.placement.pool_of("memory", name) for name in names}
        assert set(homes.values()) == {0, 1}
    shutil.rmtree(data / "_roster")
    shutil.copytree(copy, data / "_roster")
    async with durable(data, pools=pools) as engine:
        assert "memory" not in engine.swarm.placement.kinds()
        assert [await engine.ask(f"memory/{name}", "get", "x") for name in reversed(names)] == names[::-1]


async def test_what_a_task_in_a_process_of_its_own_changes_in_a_table_is_kept(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1) as engine:
        await engine.spawn("ledgered", 1)
        worker = engine.swarm.seats[0].pid
        for number in range(4):
            assert await engine.ask("ledgered/0", "change", f"n{number}", {"x": [number]}, f"n{number - 2}") != worker
            with pytest.raises(errors.TaskFailed, match="as told"):
                await engine.ask("ledgered/0", "change", "never", 1, f"n{number}", True)
            kill(engine, 0)
        wanted = [{"n2": {"x": [2]}, "n3": {"x": [3]}}, ["n0", "n1", "n2", "n3"]]
        assert await engine.ask("ledgered/0", "show") == wanted
    async with durable(tmp_path, workers=1) as engine:
        assert await engine.ask("ledgered/0", "show") == wanted


# -- topics ------------------------------------------------------------------------------------------------------------


async def test_each_subscriber_gets_each_message_once_though_workers_are_killed(tmp_path: Path, chance: Random) -> None:
    hearers, messages = 6, 120
    async with durable(tmp_path, workers=3) as engine:
        await engine.spawn("hearer", hearers)
        for key in range(hearers):
            assert await engine.ask("topic/news", "subscribe", f"hearer/{key}", "hear") == {"next": 0, "missed": 0}
        kills = 0
        for number in range(messages):
            assert await engine.ask("topic/news", "publish", {"n": number}, "me") == number
            if number % 10 == 3:
                kills += kill(engine, chance.randrange(3))
        assert kills > 2
        wanted = [["news", number, "me", {"n": number}] for number in range(messages)]
        for key in range(hearers):
            assert await come_to(engine, f"hearer/{key}", messages) == wanted
        await asyncio.sleep(0.4)  # twice what a message that nobody took waits
        assert [len(await engine.ask(f"hearer/{key}", "show")) for key in range(hearers)] == [messages] * hearers
    async with durable(tmp_path, workers=3) as engine:
        await asyncio.sleep(0.2)
        for key in range(hearers):
            assert await come_to(engine, f"hearer/{key}", messages) == wanted
        assert (await engine.ask("topic/news", "replay", messages - 2))["messages"][1]["value"] == {"n": messages - 1}


async def come_to(engine: Engine, address: str, count: int) -> list[Any]:
    """What a hearer has heard, once that is so many messages, sorted by their offsets."""
    async with asyncio.timeout(30):
        while len(heard := await engine.ask(address, "show")) < count:
            await asyncio.sleep(0.02)
    return sorted(heard, key=lambda entry: entry[1])


async def test_messages_come_in_the_order_of_their_offsets_while_nobody_dies() -> None:
    async with running([pool(2)], KINDS) as engine:
        await engine.spawn("hearer", 4)
        for key in range(4):
            await engine.ask("topic/news", "subscribe", f"hearer/{key}", "hear")
        await asyncio.gather(*(engine.ask("topic/news", "publish", number) for number in range(300)))
        for key in range(4):
            await come_to(engine, f"hearer/{key}", 300)
            assert [entry[1] for entry in await engine.ask(f"hearer/{key}", "show")] == list(range(300))


async def test_a_message_of_a_task_that_fails_was_never_published(tmp_path: Path) -> None:
    async with durable(tmp_path) as engine:
        await engine.spawn("hearer", 3)
        await engine.ask("hearer/0", "listen", "news")
        await until(lambda: engine.swarm.placement.has("topic", "news"))
        with pytest.raises(errors.TaskFailed, match="as told"):
            await engine.ask("hearer/1", "say", "news", "never", True)
        await engine.ask("hearer/2", "say", "news", "said")
        assert await come_to(engine, "hearer/0", 1) == [["news", 0, "hearer/2", "said"]]
        assert (await engine.ask("topic/news", "size"))["messages"] == 1


async def test_who_comes_late_gets_what_is_kept_and_then_what_is_new(tmp_path: Path) -> None:
    async with durable(tmp_path) as engine:
        await engine.spawn("hearer", 2)
        for number in range(1_010):
            await engine.ask("topic/news", "publish", number)
    async with durable(tmp_path) as engine:
        assert await engine.ask("topic/news", "subscribe", "hearer/1", "hear", 5) == {"next": 1_010, "missed": 5}
        await engine.ask("topic/news", "publish", 1_010)
        heard = await come_to(engine, "hearer/1", 1_001)
        assert [entry[3] for entry in heard] == list(range(10, 1_011))
        assert await engine.ask("topic/news", "unsubscribe", "hearer/1") is True
        await engine.ask("topic/news", "publish", "unheard")
        assert await engine.ask("topic/news", "subscribers") == []
        assert len(await engine.ask("hearer/1", "show")) == 1_001


# -- by command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line in a folder without pools.yaml; an engine that keeps its state runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").unlink()
        made.environ["ENGINE_DURABILITY"] = "sync"
        assert made("start").returncode == 0
        yield made


def test_people_use_them_without_writing_a_file_or_spawning(engine: Commands) -> None:
    assert engine("ask", "memory/plans", "set", "monday", '{"tasks": 3}').stdout == "1\n"
    assert json.loads(engine("ask", "memory/plans", "get", "monday").stdout) == {"tasks": 3}
    assert engine("ask", "topic/news", "publish", "hello").stdout == "0\n"
    assert engine.document("kinds")["kinds"].keys() >= {"counter", "memory", "topic"}
    refused = engine("ask", "memory/plans", "set", "", "1")
    assert (refused.returncode, "a name has 1 to 256 characters" in refused.stderr) == (2, True)
    assert engine("stop").returncode == 0
    state = engine.document("checkpoints", "show", "memory/plans")
    assert state["state"]["entries"] == {"monday": [1, {"tasks": 3}]}
    assert engine("checkpoints", "compact").returncode == 0
    assert engine("start").returncode == 0
    assert json.loads(engine("ask", "memory/plans", "get", "monday").stdout) == {"tasks": 3}


async def test_of_many_clients_that_count_in_one_name_none_is_lost(engine: Commands, chance: Random) -> None:
    clients, rounds = 8, 40
    lost = 0

    async def count() -> None:
        nonlocal lost
        async with Client(environ=engine.environ, patience_s=30) as client:
            for _ in range(rounds):
                said = await client.ask("memory/race", "cas", "n", 0, 1)
                while not said["is_set"]:
                    lost += 1
                    said = await client.ask("memory/race", "cas", "n", said["version"], said["value"] + 1)

    assert engine("ask", "memory/race", "get", "n").stdout == "null\n"
    counting = [asyncio.ensure_future(count()) for _ in range(clients)]
    kills = 0
    while kills < 6 and not all(task.done() for task in counting):
        (agent,) = (await asyncio.to_thread(engine.document, "agents", "memory"))["agents"]
        workers = (await asyncio.to_thread(engine.document, "ps"))["workers"]
        pid = next(worker["pid"] for worker in workers if worker["worker"] == agent["worker"])
        await asyncio.sleep(chance.uniform(0, 0.02))
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                kills += 1
    await asyncio.gather(*counting)
    assert kills
    async with Client(environ=engine.environ) as client:
        entry = await client.ask("memory/race", "entry", "n")
    assert (entry["value"], entry["version"]) == (clients * rounds, clients * rounds)
    assert lost > clients * rounds


def test_the_example_has_each_chore_done_by_one_worker() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.chores"], cwd=ROOT, capture_output=True, text=True, timeout=50, check=True
    )
    lines = [line.split(" by worker/") for line in done.stdout.splitlines()]
    assert [chore for chore, _ in lines] == [f"chore-{number:02d}" for number in range(24)]
    assert len({worker for _, worker in lines}) > 1
    assert done.stderr == ""
