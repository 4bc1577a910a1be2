"""Accepted tasks that need more than there is are done in parts: once, and all of them, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.client import Client
from engine.engine import Engine
from engine.errors import TaskCancelled, TaskExpired
from pools.errors import TaskFailed
from pools.spec import ForesightSpec
from tests.support.commands import commands
from tests.support.portions import Portions
from tests.support.portions import __file__ as portions_file
from tests.support.processes import pool, running, until, worker_pids

#: Bytes of the pool, and what the tasks say that they need: more than it has.
POOL_BYTES, NEED_BYTES = 2**30, 2**40
AGENTS = 4


def large(items: list[float], **fields: Any) -> dict[str, Any]:
    """A task that is too large for any pool."""
    return {"kind": "portions", "method": "total", "args": [items], "memory_bytes": NEED_BYTES, **fields}


def dividing(tmp_path: Path, durability: str = "os", **facts: Any) -> Any:
    """An engine whose pool is too small; every task is treated."""
    kept: dict[str, Any] = {} if durability == "memory" else {"durability": durability, "data": tmp_path}
    return running([pool(mem_bytes=POOL_BYTES)], [Portions], foresight=ForesightSpec(control=0.0), **kept, **facts)


async def counts_of(engine: Engine | Client) -> list[int]:
    """How often parts were run, tasks split and joined, by all agents."""
    each = [await engine.ask(f"portions/{key}", "counts") for key in range(AGENTS)]
    return [sum(column) for column in zip(*each, strict=True)]


@pytest.mark.parametrize("durability", ["memory", "os"])
async def test_a_task_that_needs_more_than_is_left_is_done_in_parts_and_is_one_task(tmp_path: Path, durability: str) -> None:
    async with dividing(tmp_path, durability) as engine:
        await engine.spawn(Portions, AGENTS)
        named = {"kind": "portions", "method": "named", "args": {"items": [0, 1, 2], "extra": 10}, "memory_bytes": NEED_BYTES}
        ids = await engine.submit([large([0, *range(20)]), large([0, 5, 6]), named])
        assert [await engine.result(each, 10) for each in ids] == [190, 11, 23]
        assert await counts_of(engine) == [24, 3, 3]
        assert engine.foresight.report()["actions"]["split_task"] == 3
        counts = engine.stats().detached
        assert (counts["accepted"], counts["done"], counts["open"]) == (3, 3, 0)
        shown = await engine.task(ids[0])
        assert (shown["state"], shown["attempts"]) == ("done", 1)
        assert not len(engine.detached._division)
        assert not engine.detached._promised
        assert engine.detached.register.room.held_bytes == 0


async def test_parts_that_are_under_way_while_their_worker_gets_new_code_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.roll.FORTH_S", 0.2)
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        (one,) = await engine.submit([large([0.5, *range(12)])])
        await until(lambda: len(engine.detached._division) == 1)
        pids = worker_pids(engine)
        stands = await engine.deploy("tests.support.portions")
        assert (stands["outcome"], (await engine.task(one))["state"]) == ("rolled", "running")
        assert not {*pids} & {*worker_pids(engine)}
        assert await engine.result(one, 20) == 66
        assert await counts_of(engine) == [12, 1, 1]


async def test_what_its_kind_does_not_split_runs_as_it_is(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        (one,) = await engine.submit([large([0, 7])])
        assert await engine.result(one, 10) == 7
        assert await counts_of(engine) == [1, 1, 0]
        assert (await engine.task(one))["attempts"] == 1


async def test_the_first_part_that_fails_is_the_end_of_the_task_and_a_dead_letter(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        wrong = [([0, 1, -1, 2], "part 2 of 3: a number below 0"), ([13, 1, 2], "thirteen"), ([14, 1, 2], "each part")]
        for items, said in wrong:
            (one,) = await engine.submit([large(items)])
            with pytest.raises(TaskFailed if items[0] != 14 else Exception, match=said):
                await engine.result(one, 10)
            assert (await engine.task(one))["state"] == "failed"
        assert engine.stats().detached["failed"] == 3
        assert engine.detached.register.room.held_bytes == 0
        assert len(engine.detached.register.letters.numbers()) == 3


async def test_parts_have_the_retries_of_their_task(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        (one,) = await engine.submit([large([0, 1, -1], retries=2, backoff_s=0.01)])
        with pytest.raises(TaskFailed, match="part 2 of 2"):
            await engine.result(one, 10)
        assert engine.stats().detached["failed"] == 1


async def test_a_task_in_parts_is_taken_back_with_all_of_them(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        gone, late = await engine.submit([large([30, *range(6)]), large([30, *range(6)], deadline_s=0.5)])
        await until(lambda: sum(seat.link.open for seat in engine.swarm.seats) >= 12)
        assert (await engine.cancel(gone))["state"] == "cancelled"
        with pytest.raises(TaskCancelled, match="parts"):
            await engine.result(gone, 1)
        with pytest.raises(TaskExpired, match=r"within 0\.5 s"):
            await engine.result(late, 10)
        await until(lambda: all(not seat.link.open for seat in engine.swarm.seats))
        counts = engine.stats().detached
        assert (counts["cancelled"], counts["expired"], counts["open"]) == (1, 1, 0)
        assert await counts_of(engine) == [0, 2, 0]


async def test_many_tasks_in_parts_wait_for_each_other(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        ids = await engine.submit([large([0, number, 1]) for number in range(300)])
        assert [await engine.result(each, 30) for each in ids] == [number + 1 for number in range(300)]
        assert await counts_of(engine) == [600, 300, 300]


async def test_a_worker_that_dies_meanwhile_changes_nothing(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        ids = await engine.submit([large([0.05, *range(10)]) for _ in range(3)])
        for _ in range(3):
            await asyncio.sleep(0.1)
            await until(lambda: bool(worker_pids(engine)))  # a new one may take longer
            os.kill(worker_pids(engine)[0], signal.SIGKILL)
        assert [await engine.result(each, 30) for each in ids] == [45] * 3
        assert await counts_of(engine) == [30, 3, 3]


async def test_a_stop_in_the_middle_goes_on_at_the_next_start_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        (one,) = await engine.submit([large([0.1, *range(12)])])
        await asyncio.sleep(0.25)
        assert (await engine.task(one))["progress"]
        await engine.stop(grace_s=0)
    async with dividing(tmp_path) as engine:
        assert await engine.result(one, 20) == 66
        assert await counts_of(engine) == [12, 1, 1]
    async with dividing(tmp_path) as engine:
        assert await engine.result(one, 1) == 66
        assert (await engine.task(one))["state"] == "done"
        new = await engine.submit([large([0, 1, 1])])
        assert await engine.result(new[0], 10) == 2
        assert int(new[0].rpartition("-")[2]) > 14  # numbers that parts had are not given again


async def test_the_effects_of_a_task_in_parts_are_those_of_all_of_them_whatever_dies(tmp_path: Path) -> None:
    async with dividing(tmp_path) as engine:
        await engine.spawn(Portions, AGENTS)
        ids = await engine.submit([large([0.05, *range(10)], count_effects=True) for _ in range(3)])
        for _ in range(2):
            await asyncio.sleep(0.1)
            await until(lambda: bool(worker_pids(engine)))
            os.kill(worker_pids(engine)[0], signal.SIGKILL)
        assert [await engine.result(each, 30) for each in ids] == [45] * 3
        for each in ids:
            facts = await engine.task(each)
            assert facts["effects"] == {"fields": 11}, facts  # ten parts and a join
            assert 0.5 < facts["ran_s"] < 5
        (last,) = await engine.submit([large([0.2, *range(10)], count_effects=True)])
        await asyncio.sleep(0.3)
        await engine.stop(grace_s=0)
    async with dividing(tmp_path) as engine:
        assert await engine.result(last, 20) == 45
        assert (await engine.task(last))["effects"] == {"fields": 11}


@pytest.mark.parametrize("durability", ["sync", "os"])
async def test_an_engine_that_is_killed_again_and_again_runs_each_part_once(
    tmp_path: Path, durability: str, chance: Random
) -> None:
    with commands(tmp_path) as engine:
        (tmp_path / "portions.py").write_text(Path(portions_file).read_text())
        (tmp_path / "pools.yaml").write_text(
            f"agents: 100\ndurability: {durability}\nforesight: {{control: 0}}\npools:\n"
            "  p1: {agents: 50, mem: 1GB}\n  p2: {agents: 50, mem: 1GB}\n"
        )
        assert engine("spawn", "--use", "portions.py:Portions", "--count", str(AGENTS)).returncode == 0
        async with Client(environ=engine.environ, patience_s=30) as client:
            ids = await client.submit(large([0.03, *range(size)]) for size in range(2, 32))
        for _ in range(6):
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            os.kill(int((engine.home / "run" / "engine" / "daemon.lock").read_text()), signal.SIGKILL)
            await _restarted(lambda: engine("start").returncode)
        async with Client(environ=engine.environ, patience_s=30) as client:
            values = [await client.result(name, wait_s=30) for name in ids]
            assert values == [sum(range(size)) for size in range(2, 32)]
            counts = (await client.stats())["tasks"]
            assert (counts["accepted"], counts["done"], counts["open"]) == (30, 30, 0)
            assert await counts_of(client) == [sum(range(2, 32)), 30, 30]


async def _restarted(start: Callable[[], int]) -> None:
    while await asyncio.to_thread(start):
        await asyncio.sleep(0.02)
