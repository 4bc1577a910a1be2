"""A removed agent is gone: for who asks it, for who waits for it, after any death, and from the disk."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from engine.client import Client
from engine.engine import Engine
from engine.errors import PoolUnavailable, UnknownAgent, UnknownKind, UnknownMethod
from tests.support.agents import Asker, Book, Tally, Waiter
from tests.support.commands import Commands, Terminal, commands
from tests.support.processes import children, ended_within, pool, until

POOLS = "agents: 10000\ndurability: sync\npools:\n  p1: {agents: 5000}\n  p2: {agents: 5000}\n"


@asynccontextmanager
async def running(folder: Path, way: str, workers: int = 2) -> AsyncIterator[Engine]:
    """An engine in this process."""
    kinds = (Tally, Book, Waiter, Asker)
    async with Engine(kinds=kinds, pools=[pool(workers)], durability=way, data=folder, seed=1) as engine:
        yield engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engines keep their state on the disk; one with 100 counters and two named ones runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        assert made("spawn", "--count", "100").returncode == 0
        assert made("spawn", "--key", "whitefang", "buck").returncode == 0
        yield made


def kill(engine: Commands) -> None:
    """Kill the engine's process, and wait until all of it is gone."""
    pids = engine.pids()
    os.kill(pids[0], signal.SIGKILL)
    assert ended_within(pids, 10)


@pytest.mark.parametrize("way", ["memory", "sync"])
async def test_a_removed_agent_is_unknown_and_comes_back_as_a_new_one(tmp_path: Path, way: str) -> None:
    async with running(tmp_path, way) as engine:
        await engine.spawn("tally", 20)
        await engine.spawn("tally", keys=["a", "b"])
        for key in (*range(20), "a", "b"):
            assert await engine.ask(f"tally/{key}", "add", 5) == 5
        done = await engine.remove("tally", [3, 4, "a", "nobody", 99])
        assert (done.kind, done.removed, done.missing, done.total) == ("tally", 3, 2, 19)
        for key in (3, 4, "a"):
            with pytest.raises(UnknownAgent):
                await engine.ask(f"tally/{key}", "get")
        assert engine.stats().agents["total"] == 19
        assert [await engine.ask(f"tally/{key}", "get") for key in (2, 5, "b")] == [5, 5, 5]
        assert (await engine.remove("tally", [3])).removed == 0
        again = await engine.spawn("tally", 20)
        assert (again.added, again.total) == (2, 21)
        await engine.spawn("tally", keys=["a"])
        assert [await engine.ask(f"tally/{key}", "add", 1) for key in (3, 4, "a")] == [1, 1, 1]
        with pytest.raises(UnknownKind):
            await engine.remove("nobody", [1])


@pytest.mark.parametrize("way", ["memory", "sync"])
async def test_what_a_removed_agent_has_open_fails_and_its_neighbours_go_on(tmp_path: Path, way: str) -> None:
    async with running(tmp_path, way, workers=1) as engine:
        await engine.spawn("waiter", 3)
        doomed = [engine.ask("waiter/1", "forever"), *(engine.ask("waiter/1", "wait", 0.0) for _ in range(3))]
        beside = engine.ask("waiter/2", "wait", 0.3)
        assert await engine.ask("waiter/0", "wait", 0.0) == 1
        await engine.remove("waiter", range(1, 2))
        for task in doomed:
            with pytest.raises(UnknownAgent, match="waiter/1"):
                await asyncio.wait_for(task, 10)
        assert await beside == 1
        await engine.spawn("waiter", 3)
        assert await engine.ask("waiter/1", "seen") == 0


async def test_removed_agents_stay_removed_and_new_ones_keep_what_they_became(tmp_path: Path) -> None:
    async with running(tmp_path, "sync") as engine:
        await engine.spawn("tally", 1_000)
        await engine.spawn("book", keys=["a"])
        await asyncio.gather(*(engine.ask(f"tally/{key}", "add", key) for key in range(1_000)))
        await engine.ask("book/a", "write", 7)
    async with running(tmp_path, "sync") as engine:
        await engine.ask("tally/999", "add", 1)
        await engine.remove("tally", range(100, 900))
        await engine.remove("book", ["a"])
        await engine.spawn("tally", 300)
        assert await engine.ask("tally/100", "add", 1) == 1
    async with running(tmp_path, "sync") as engine:
        assert engine.stats().agents["total"] == 300
        assert await engine.ask("tally/100", "get") == 1
        assert [await engine.ask(f"tally/{key}", "get") for key in (99, 101, 199, 900)] == [99, 0, 0, 900]
        with pytest.raises(UnknownAgent):
            await engine.ask("tally/200", "get")
        await engine.spawn("book", keys=["a"])
        assert (await engine.ask("book/a", "show"))[0] == []


async def test_a_worker_that_dies_meanwhile_forgets_them_when_it_is_back(tmp_path: Path) -> None:
    async with running(tmp_path, "sync", workers=1) as engine:
        await engine.spawn("tally", 100)
        await asyncio.gather(*(engine.ask(f"tally/{key}", "add", 5) for key in range(100)))
        seat = engine.swarm.seats[0]
        for _ in range(3):
            await until(lambda: seat.state == "running")
            pid = seat.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)  # it never hears of it
            removing = asyncio.ensure_future(engine.remove("tally", range(10, 20)))
            await asyncio.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
            assert (await asyncio.wait_for(removing, 20)).removed == 10
            await engine.spawn("tally", 100)
            assert [await engine.ask(f"tally/{key}", "get") for key in (9, 10, 19, 20)] == [5, 0, 0, 5]
            assert await engine.ask("tally/10", "add", 5) == 5


async def test_a_spawn_waits_for_the_removal_before_it(tmp_path: Path) -> None:
    """Else the process that is told of the removal late would remove the new agents."""
    async with running(tmp_path, "sync", workers=1) as engine:
        await engine.spawn("tally", 100)
        await asyncio.gather(*(engine.ask(f"tally/{key}", "add", 5) for key in range(100)))
        pid = engine.swarm.seats[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        removing = asyncio.ensure_future(engine.remove("tally", range(10, 20)))
        await until(lambda: not engine.swarm.placement.has("tally", 10))
        spawning = asyncio.ensure_future(engine.spawn("tally", 100))
        naming = asyncio.ensure_future(engine.spawn("tally", keys=["a"]))
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        assert (await asyncio.wait_for(removing, 20)).removed == 10
        assert (await spawning).added == 10
        assert (await naming).added == 1
        assert [await engine.ask(f"tally/{key}", "add", 1) for key in (9, 10, 19, 20, "a")] == [6, 1, 1, 6, 1]


async def test_a_timer_of_a_removed_agent_does_not_ring_at_the_new_one(tmp_path: Path) -> None:
    async with running(tmp_path, "sync", workers=1) as engine:
        await engine.spawn("asker", 2)
        await engine.ask("asker/0", "later", 0.4, 1)
        await engine.ask("asker/1", "later", 0.4, 1)
        await engine.remove("asker", [0])
        await engine.spawn("asker", 2)
        async with asyncio.timeout(20):
            while not await engine.ask("asker/1", "hear", 0):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        assert await engine.ask("asker/0", "hear", 0) == 0


# -- the command -------------------------------------------------------------------------------------------------------


async def test_what_was_acknowledged_stays_removed_though_the_engine_is_killed_at_once(engine: Commands) -> None:
    for word in ("counter/3", "counter/whitefang", "counter/60"):
        assert engine("ask", word, "add", "7").stdout == "7\n"
    for _ in range(3):
        async with Client(environ=engine.environ) as client:
            pid = (await client.stats())["pid"]
            done = await client.remove("counter", [3, "whitefang", *range(60, 70)])
            os.kill(pid, signal.SIGKILL)
        assert done.removed == 12
        started = await asyncio.to_thread(engine, "start")
        assert started.returncode == 0, started.stderr
        assert "90 agents" in started.stdout
        for word in ("counter/3", "counter/whitefang", "counter/60"):
            assert engine("ask", word, "get").returncode == 2
        assert "99 in all" not in engine("spawn", "--count", "100").stdout
        assert engine("spawn", "--key", "whitefang").returncode == 0
        for word in ("counter/3", "counter/whitefang", "counter/60"):
            assert engine("ask", word, "add", "7").stdout == "7\n"


def test_a_removal_that_was_written_down_is_carried_out_by_the_next_engine(engine: Commands) -> None:
    assert engine("ask", "counter/3", "add", "7").stdout == "7\n"
    pid, *_ = engine.pids()
    workers = [worker["pid"] for worker in engine.document("ps")["workers"]]
    log = max((engine.home / "state/engine/data/_roster").glob("*.log"))
    size = log.stat().st_size
    try:
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        removing = engine.start("agents", "rm", "counter/3", "--yes")
        while log.stat().st_size == size:
            assert removing.poll() is None
        others = children(pid)
        os.kill(pid, signal.SIGKILL)
    finally:
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
    assert ended_within([pid, *workers, *others], 10)
    assert removing.wait(timeout=10) == 3
    assert engine("start").returncode == 0
    assert engine("ask", "counter/3", "get").returncode == 2
    deadline_s = time.monotonic() + 20
    while "it was removed" not in engine("checkpoints", "show", "counter/3").stderr:
        assert time.monotonic() < deadline_s
    assert "spawned 1 counter agent" in engine("spawn", "--count", "100").stdout
    assert engine("ask", "counter/3", "get").stdout == "0\n"


def test_after_an_erasing_compaction_no_byte_is_left_of_what_was_removed(engine: Commands) -> None:
    data = engine.home / "state/engine/data"

    def has(word: str) -> list[str]:
        return [str(file) for file in data.rglob("*") if file.is_file() and word.encode() in file.read_bytes()]

    for word in ("counter/whitefang", "counter/buck"):
        assert engine("ask", word, "add", "7").stdout == "7\n"
    assert len(has("whitefang")) >= 2  # its state, and the roster
    assert engine("agents", "rm", "counter/whitefang", "--yes").returncode == 0
    assert engine("checkpoints", "compact", "--erase").returncode == 3  # an engine has them open
    engine("stop")
    assert engine("checkpoints", "compact", "--erase").returncode == 0
    assert has("whitefang") == []
    assert has("buck")
    assert engine("checkpoints", "verify").returncode == 0
    assert engine("start").returncode == 0
    assert engine("ask", "counter/buck", "get").stdout == "7\n"
    assert engine("ask", "counter/whitefang", "get").returncode == 2


def test_where_nobody_can_be_asked_nothing_is_removed_without_yes(engine: Commands) -> None:
    refused = engine("agents", "rm", "counter/3")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--yes" in refused.stderr
    assert engine.document("stats")["agents"]["total"] == 102
    document = engine.document("agents", "rm", "counter/3", "counter/10..19", "counter/500", "--yes")
    (one,) = document["removed"]
    assert document["schema"] == "engine.agents.rm/v1"
    assert {name: one[name] for name in ("kind", "removed", "missing", "total")} == {
        "kind": "counter",
        "removed": 11,
        "missing": 1,
        "total": 91,
    }
    unknown = engine("agents", "rm", "counter/4", "countre/3", "--yes")
    assert unknown.returncode == 2
    assert "did you mean counter" in unknown.stderr
    assert engine.document("stats")["agents"]["total"] == 91
    assert engine("agents", "counter", "rm").returncode == 2
    assert engine("agents", "--yes").returncode == 2


@pytest.mark.parametrize(("said", "code", "left"), [("n\n", 1, 102), ("\n", 1, 102), ("y\n", 0, 92)])
def test_a_person_is_asked_first(engine: Commands, said: str, code: int, left: int) -> None:
    terminal = Terminal(engine, "agents", "rm", "counter/0..9", columns=200)
    terminal.until("[y/N]")
    assert "10 agents, counter/0..9" in terminal.seen
    terminal.send(said)
    assert terminal.end() == code
    assert engine.document("stats")["agents"]["total"] == left


async def test_while_a_worker_is_down_nothing_is_removed(tmp_path: Path) -> None:
    async with running(tmp_path, "sync", workers=1) as engine:
        await engine.spawn("tally", 10)
        seat: Any = engine.swarm.seats[0]
        state, seat.state = seat.state, "down"
        with pytest.raises(PoolUnavailable, match="tally agents cannot be removed"):
            await engine.remove("tally", range(5))
        seat.state = state
        assert engine.stats().agents["total"] == 10
        assert (await engine.remove("tally", range(5))).removed == 5


def test_agents_whose_class_is_gone_keep_their_state_and_can_be_removed(tmp_path: Path) -> None:
    code = "from engine import Agent\n\n\nclass Scout(Agent):\n    n: int = 0\n\n    def add(self, x: int) -> int:\n"
    code += "        self.n += x\n        return self.n\n"
    file = tmp_path / "scouts.py"
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(POOLS)
        file.write_text(code)
        assert engine("spawn", "--use", "scouts.py:Scout", "--kind", "scout=10,counter=10").returncode == 0
        assert engine("ask", "scout/3", "add", "5").stdout == "5\n"
        assert engine("ask", "counter/3", "add", "7").stdout == "7\n"
        engine("stop")
        file.write_text("")
        refused = engine("start")
        assert refused.returncode == 2
        assert "has no such class: Scout; 10 agents of kind scout are kept" in refused.stderr
        assert "engine start --without scout" in refused.stderr
        assert engine("start", "--without", "scout").returncode == 0
        assert engine("ask", "scout/3", "add", "1").returncode == 2
        assert engine("ask", "counter/3", "get").stdout == "7\n"
        assert engine.document("agents", "rm", "scout/5..9", "--yes")["removed"][0]["total"] == 5
        kill(engine)
        file.write_text(code)  # it was put back: nothing of what is left has changed
        assert engine("start").returncode == 0
        assert engine("ask", "scout/3", "add", "1").stdout == "6\n"
        assert engine("ask", "scout/5", "add", "1").returncode == 2
        engine("stop")
        file.unlink()
        assert engine("start", "--without", "scout").returncode == 0
        assert engine.document("agents", "rm", "scout/0..4", "--yes")["removed"][0]["total"] == 0
        engine("stop")
        assert engine("start").returncode == 0  # nobody needs that class any more
        assert engine("ask", "counter/3", "get").stdout == "7\n"
        engine("stop")
        exported = engine("checkpoints", "export", "--all").stdout
        assert '"counter/3"' in exported
        assert "scout" not in exported


def test_a_class_that_is_gone_after_its_last_agent_is_left_out_once(tmp_path: Path) -> None:
    file = tmp_path / "scouts.py"
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(POOLS)
        file.write_text("from engine import Agent\n\n\nclass Scout(Agent):\n    def go(self) -> None: ...\n")
        assert engine("spawn", "--use", "scouts.py:Scout", "--kind", "scout=10").returncode == 0
        assert engine("agents", "rm", "scout/0..9", "--yes").returncode == 0
        engine("stop")
        file.unlink()
        assert "--without scout" in engine("start").stderr
        assert engine("start", "--without", "scout").returncode == 0
        kill(engine)
        assert engine("start").returncode == 0


async def test_an_engine_in_process_is_told_which_classes_are_gone(tmp_path: Path) -> None:
    async with running(tmp_path, "sync", workers=1) as engine:
        await engine.spawn("tally", 10)
        assert await engine.ask("tally/1", "add", 5) == 5
    async with Engine(pools=[pool(1)], data=tmp_path, without=["tally"]) as engine:
        with pytest.raises(UnknownMethod):
            await engine.ask("tally/1", "add", 5)
        assert (await engine.remove("tally", [0])).total == 9
    async with running(tmp_path, "sync", workers=1) as engine:
        assert await engine.ask("tally/1", "add", 5) == 10
