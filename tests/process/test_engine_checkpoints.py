"""What a task puts on record of its way is there after any death, under one revision each; it is never state by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from checkpoints.spec import MILESTONES_KEPT
from checkpoints.store import open_store
from engine import errors
from engine.engine import Engine
from pools.healing import Finding
from tests.support.commands import commands
from tests.support.processes import pool, until
from tests.support.walkers import Walker

POOLS = "agents: 10000\ndurability: sync\npools:\n  p1: {agents: 5000}\n"


def made(folder: Path | None, **pools: object) -> Engine:
    """An engine whose state is in a folder, or in memory only."""
    data = None if folder is None else folder / "data"
    return Engine(kinds=[Walker], pools=[pool(**pools)], data=data, seed=1)


def lines(path: Path) -> list[str]:
    """What was done outside."""
    return path.read_text().splitlines() if path.exists() else []


def kill(engine: Engine) -> None:
    """Kill the worker's process, if there is one."""
    pid = engine.swarm.seats[0].pid
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def sorts(folder: Path, key: int = 0) -> list[tuple[int, str]]:
    """Revision and sort of an agent's checkpoints, from the files of an engine that has ended."""
    store = open_store(str(folder / "data" / "p" / "0"), chance=os.urandom)
    try:
        return [(one.revision, one.sort) for one in store.window.waypoints.of("walker", key)]
    finally:
        store.close()


@pytest.mark.parametrize("method", ["walk", "walk_alone"])
async def test_a_task_that_is_killed_goes_on_from_its_last_checkpoint(tmp_path: Path, method: str) -> None:
    path, count, kills = tmp_path / "lines", 40, 3
    async with made(tmp_path) as engine:
        await engine.spawn("walker", 1)
        ask = engine.ask("walker/0", method, str(path), count)
        for at in range(1, kills + 1):
            await until(lambda at=at: len(lines(path)) >= at * 8)  # type: ignore[misc]
            kill(engine)
        done = await ask
        assert await engine.ask("walker/0", "count") == count
        state = {"total": count, "seen": [f"stage {at}" for at in range(count)]}
        assert await engine.ask("walker/0", "last", "progress") == [count, "progress", count, state]
    begins = [int(line.removeprefix("from ")) for line in lines(path) if line.startswith("from ")]
    assert begins == sorted(begins)
    assert begins[-1] == done["begin"] > 0
    assert done["revision"] == count, "each checkpoint has one revision, whatever was killed"
    assert sorts(tmp_path) == [(count, "progress")]


async def test_a_replay_that_makes_its_checkpoints_again_doubles_no_revision(tmp_path: Path, chance: Random) -> None:
    path, count = tmp_path / "lines", 400
    async with made(tmp_path) as engine:
        await engine.spawn("walker", 1)
        ask = engine.ask("walker/0", "replay", str(path), count)
        for _ in range(3):
            seen = len(lines(path))
            await until(lambda seen=seen: len(lines(path)) > seen + 2 or ask.done())  # type: ignore[misc]
            await asyncio.sleep(chance.uniform(0, 0.01))
            kill(engine)
        assert await ask == list(range(1, count + 1))
    assert len(lines(path)) > count, "it was replayed"
    assert sorts(tmp_path) == [(at, "milestone") for at in range(count - MILESTONES_KEPT + 1, count + 1)]


@pytest.mark.parametrize("is_kept", [True, False])
async def test_who_expects_another_revision_is_told_the_one_that_is_there(tmp_path: Path, *, is_kept: bool) -> None:
    async with made(tmp_path if is_kept else None) as engine:
        await engine.spawn("walker", 2)
        assert await engine.ask("walker/0", "record", "user", "a", 0) == 1
        assert await engine.ask("walker/0", "record", "progress", "b", 1) == 2
        with pytest.raises(errors.CheckpointConflict, match="walker/0 is at revision 2, not 1"):
            await engine.ask("walker/0", "record", "user", "c", 1)
        assert await engine.ask("walker/0", "last", "user") == [1, "user", "a", {"total": 0, "seen": []}]
        assert await engine.ask("walker/0", "last", None) == [2, "progress", "b", {"total": 0, "seen": []}]
        assert await engine.ask("walker/1", "last", None) is None
        assert await engine.ask("walker/1", "record", "user", None, None) == 1


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_checkpoint_of_a_task_that_failed_is_there_and_its_state_is_not_the_agents(
    tmp_path: Path, *, is_kept: bool
) -> None:
    async with made(tmp_path if is_kept else None) as engine:
        await engine.spawn("walker", 1)
        with pytest.raises(errors.TaskFailed, match="as told"):
            await engine.ask("walker/0", "fail")
        assert await engine.ask("walker/0", "count") == 0
        if is_kept:
            kill(engine)
        assert await engine.ask("walker/0", "count") == 0
        assert await engine.ask("walker/0", "last", "user") == [1, "user", 100, {"total": 100, "seen": []}]


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_checkpoint_that_is_made_in_a_process_of_its_own_is_known_to_the_worker(
    tmp_path: Path, *, is_kept: bool
) -> None:
    async with made(tmp_path if is_kept else None) as engine:
        await engine.spawn("walker", 1)
        for begin in (0, 3):
            done = await engine.ask("walker/0", "walk_alone", str(tmp_path / "lines"), 3)
            assert done == {"revision": begin + 3, "begin": 0}
        state = {"total": 6, "seen": [f"stage {at}" for at in (0, 1, 2, 0, 1, 2)]}
        assert await engine.ask("walker/0", "last", None) == [6, "progress", 3, state]


async def test_checkpoints_go_with_their_agent_and_a_new_one_begins_at_revision_1(tmp_path: Path) -> None:
    async with made(tmp_path) as engine:
        await engine.spawn("walker", 2)
        for key in (0, 1):
            assert await engine.ask(f"walker/{key}", "record", "milestone", key, None) == 1
        await engine.remove("walker", [0])
        await engine.spawn("walker", 2)
        assert await engine.ask("walker/0", "last", None) is None
        kill(engine)
        assert await engine.ask("walker/0", "record", "user", 5, 0) == 1
        assert await engine.ask("walker/1", "last", None) == [1, "milestone", 1, {"total": 0, "seen": []}]
    assert (sorts(tmp_path), sorts(tmp_path, 1)) == ([(1, "user")], [(1, "milestone")])


async def test_the_task_of_an_agent_that_is_removed_puts_nothing_more_on_record(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    async with made(tmp_path) as engine:
        await engine.spawn("walker", 1)
        ask = engine.ask("walker/0", "outlive", str(path))
        await until(lambda: lines(path) == ["waits"])
        await engine.remove("walker", [0])
        with pytest.raises(errors.UnknownAgent):
            await ask
        await until(lambda: "cancelled" in lines(path))
        await engine.spawn("walker", 1)
        assert await engine.ask("walker/0", "last", None) is None
    assert lines(path) == ["waits", "cancelled"]
    assert sorts(tmp_path) == []


async def test_what_a_task_that_is_under_way_has_changed_is_on_record_when_its_engine_stops(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    async with made(tmp_path) as engine:
        await engine.spawn("walker", 2)
        ask = engine.ask("walker/1", "wait", str(path))
        await until(lambda: lines(path) == ["waits"])
        await engine.stop(grace_s=0.5)
        with pytest.raises(errors.PoolError):
            await ask
    store = open_store(str(tmp_path / "data" / "p" / "0"), chance=os.urandom)
    first, last = (one.facts for one in store.window.waypoints.of("walker", 1))
    assert (first["w"], first["n"], first["a"]["total"]) == ("progress", 1, 1)
    assert (last["w"], last["n"], last["a"]["total"], last["v"], last["p"]) == ("pre_failover", 1, 2, "half", 0.5)
    assert last["m"] == {"reason": "its worker was stopped", "method": "wait"}
    assert last["t"] == first["t"]
    assert store.state("walker", 1) is None
    assert not store.window.waypoints.of("walker", 0)
    store.close()


async def test_how_an_agent_stands_is_on_record_before_it_is_put_on_trial(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    async with made(tmp_path) as engine:
        await engine.spawn("walker", 2)
        ask = engine.ask("walker/0", "wait", str(path), timeout_s=2)
        await until(lambda: lines(path) == ["waits"])
        engine.swarm.healer.found(Finding("leaked", "walker/0", "wait", "", "as told", "", "p/0"))
        with pytest.raises(errors.TaskExpired):
            await ask
        found = await engine.ask("walker/0", "last", "pre_failover")
        assert found == [1, "pre_failover", "half", {"total": 2, "seen": []}]
        assert await engine.ask("walker/0", "count") == 0


async def test_without_a_word_before_the_last_is_what_the_task_said_itself(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    async with made(tmp_path) as engine:
        await engine.spawn("walker", 1)
        ask = engine.ask("walker/0", "wait", str(path), timeout_s=4)
        await until(lambda: lines(path) == ["waits"])
        kill(engine)
        await until(lambda: len(lines(path)) == 2)
        with pytest.raises(errors.TaskExpired):
            await ask
        assert await engine.ask("walker/0", "last", "pre_failover") is None
        assert await engine.ask("walker/0", "last", None) == [1, "progress", "half", {"total": 1, "seen": []}]


def test_an_agents_checkpoints_are_shown_from_the_files_while_the_engine_runs_and_without_it(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(POOLS)
        assert engine("spawn", "--use", "tests.support.walkers:Walker", "--count", "3").returncode == 0
        assert engine("ask", "walker/2", "record", "user", '"first"', "null").returncode == 0
        assert engine("ask", "walker/2", "fail").returncode == 1
        for is_running in (True, False):
            document = engine.document("checkpoints", "show", "walker/2")
            assert document["state"] is None
            (one,) = document["checkpoints"]
            assert {name: one[name] for name in ("revision", "kind", "partial_result", "progress", "context", "state")} == {
                "revision": 2, "kind": "user", "partial_result": 100, "progress": None, "context": None,
                "state": {"total": 100, "seen": []},
            }  # fmt: skip
            shown = engine("checkpoints", "show", "walker/2").stdout
            assert "REVISION  CHECKPOINT" in shown
            assert '{"total": 100, "seen": []}' in shown
            if is_running:
                assert engine("stop").returncode == 0
                assert engine("checkpoints", "compact").returncode == 0
        assert "walker/1 has no state" in engine("checkpoints", "show", "walker/1").stderr


def test_checkpoints_are_in_a_backup_and_a_restored_engine_goes_on_from_them(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(POOLS)
        assert engine("spawn", "--use", "tests.support.walkers:Walker", "--count", "3").returncode == 0
        assert engine("ask", "walker/2", "record", "user", '"first"', "0").returncode == 0
        assert engine("backup", "copy").returncode == 0
        assert engine("ask", "walker/2", "record", "user", '"second"', "1").returncode == 0
        assert engine("--name", "other", "restore", "copy").returncode == 0
        (one,) = engine.document("--name", "other", "checkpoints", "show", "walker/2")["checkpoints"]
        assert (one["revision"], one["partial_result"]) == (1, "first")
        assert engine("--name", "other", "start").returncode == 0
        done = engine("--name", "other", "ask", "walker/2", "record", "user", '"third"', "1", "--json")
        assert done.returncode == 0, done.stderr
        refused = engine("ask", "walker/2", "record", "user", '"third"', "1")
        assert (refused.returncode, "walker/2 is at revision 2, not 1" in refused.stderr) == (1, True)
