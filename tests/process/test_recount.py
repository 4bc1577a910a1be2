"""What is shown is what the files say, whatever happened before; a count that was changed is found and named."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from checkpoints.store import open_store
from engine import errors
from engine.control import Control
from engine.engine import Engine
from engine.paths import find_paths
from engine.recount.cell import DIFFERS, OK, UNAVAILABLE, Cell
from engine.recount.recount import Places, Shown, recount
from tests.support.commands import Commands, commands
from tests.support.planted import Planted
from tests.support.processes import pool, running, until

#: Cells that are counted again wherever something is kept and every task was accepted.
COUNTED = {"agents.total", "agents.failed", "tasks.queue", "tasks.complete", "tasks.failed", "tasks.cancelled", "tasks.success"}


@contextlib.asynccontextmanager
async def kept(folder: Path, **facts: Any) -> AsyncIterator[Engine]:
    """An engine whose tasks are in a journal."""
    async with running([pool(2)], [Planted], data=folder / "data", **facts) as engine:
        await engine.spawn(Planted, 20)
        yield engine


async def recounted(engine: Engine, folder: Path) -> dict[str, Cell]:
    """The cells by name, counted in a thread while the engine goes on."""
    loop = asyncio.get_running_loop()
    places = Places(folder / "data" / "_roster", folder / "data" / "_journal", folder / "sprints")

    async def look() -> Shown:
        stats = engine.stats().as_dict()
        return Shown(stats, engine.overview(stats).as_dict())

    def shown() -> Shown:
        return asyncio.run_coroutine_threadsafe(look(), loop).result(30)

    cells = await asyncio.to_thread(recount, places, shown)
    return {f"{cell.cell} {cell.part}".strip(): cell for cell in cells}


async def some_of_each(engine: Engine) -> None:
    """Tasks that are done, fail, expire, are cancelled, tried again and open; agents spawned, removed and in quarantine."""
    done = await engine.submit([(f"planted/{key % 20}", "add", 1) for key in range(300)])
    failed = await engine.submit([(f"planted/{key}", "fail") for key in range(7)])
    (gone,) = await engine.submit([("planted/2", "wait", "/nowhere")])
    (late,) = await engine.submit([{"agent": "planted/2", "method": "add", "args": [1], "deadline_s": 0.2}])
    with pytest.raises(errors.TaskExpired):
        await engine.result(late, wait_s=30)
    await engine.cancel(gone)
    for task in (*done, *failed):
        with contextlib.suppress(errors.TaskFailed, errors.TaskExpired):
            await engine.result(task, wait_s=30)
    again = await engine.requeue([failed[0]])
    with pytest.raises(errors.TaskFailed):
        await engine.result(again[0]["requeued_as"], wait_s=30)
    await engine.spawn(Planted, keys=["a", "b", "c"])
    await engine.remove(Planted, [5, 6, 7, "b"])
    (killer,) = await engine.submit([("planted/9", "end")])
    with contextlib.suppress(errors.TaskFailed, errors.TaskKilled, errors.WorkerDied):
        await engine.result(killer, wait_s=30)
    await until(lambda: engine.stats().healing["sick"] == 1)
    await until(lambda: all(seat.state == "running" for seat in engine.swarm.seats))
    await engine.submit([("planted/3", "wait", "/nowhere")])


async def test_every_count_of_tasks_and_agents_is_that_of_the_files_also_after_a_compaction_and_a_start(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        await some_of_each(engine)
        first = await recounted(engine, tmp_path)
        assert {name for name, cell in first.items() if cell.verdict == OK} >= COUNTED
        assert not [cell for cell in first.values() if cell.verdict == DIFFERS]
        assert first["tasks.complete"].recounted == 300
        assert first["tasks.failed"].recounted == 7 + 1 + 1 + 1
        assert first["tasks.cancelled"].recounted == 1
        assert first["tasks.queue"].recounted == 1
        assert (first["agents.total"].recounted, first["agents.failed"].recounted) == (20 + 3 - 4, 1)
    for name in ("_journal", "_roster"):
        store = open_store(str(tmp_path / "data" / name), shards=1, chance=os.urandom, is_synced=False)
        assert store.compact() is not None
        store.close()
    async with kept(tmp_path) as engine:
        second = await recounted(engine, tmp_path)
        assert not [cell for cell in second.values() if cell.verdict == DIFFERS]
        assert second["tasks.complete"].recounted == 300
        (task,) = await engine.submit([("planted/3", "add", 1)])
        for open_task in (await engine.tasks("running"))["tasks"] + (await engine.tasks("queued"))["tasks"]:
            if open_task["method"] == "wait":
                await engine.cancel(open_task["id"])
        await engine.result(task, wait_s=30)
        third = await recounted(engine, tmp_path)
        assert not [cell for cell in third.values() if cell.verdict == DIFFERS]
        assert (third["tasks.complete"].recounted, third["tasks.cancelled"].recounted) == (301, 2)


async def test_counts_that_move_while_they_are_read_are_between_what_was_shown(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        is_over = asyncio.Event()

        async def submit() -> None:
            while not is_over.is_set():
                await engine.submit([(f"planted/{key % 20}", "add", 1) for key in range(200)])
                await asyncio.sleep(0.001)

        working = asyncio.ensure_future(submit())
        await asyncio.sleep(0.3)
        moved = 0
        for _ in range(5):
            cells = await recounted(engine, tmp_path)
            assert not [cell for cell in cells.values() if cell.verdict == DIFFERS]
            moved += cells["tasks.complete"].between is not None
        is_over.set()
        await working
        assert moved, "nothing moved, so nothing was shown"


async def test_a_count_that_was_changed_is_found_and_no_other(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        for task in await engine.submit([("planted/3", "add", 1), ("planted/4", "add", 1)]):
            await engine.result(task, wait_s=30)
        register = engine.detached.register
        register.ended["done"] -= 1  # what is shown for done is one less, and one more is open
        cells = await recounted(engine, tmp_path)
        assert {name for name, cell in cells.items() if cell.verdict == DIFFERS} == {
            "tasks.complete",
            "tasks.queue",
        }
        assert (cells["tasks.complete"].shown, cells["tasks.complete"].recounted) == (1, 2)
        register.ended["done"] += 1
        engine.swarm.placement.count += 1
        cells = await recounted(engine, tmp_path)
        assert {name for name, cell in cells.items() if cell.verdict == DIFFERS} == {"agents.total"}
        engine.swarm.placement.count -= 1
        assert not [cell for cell in (await recounted(engine, tmp_path)).values() if cell.verdict == DIFFERS]


async def test_tasks_whose_sender_waits_are_said_to_leave_no_record(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        await engine.ask("planted/3", "add", 1)
        (task,) = await engine.submit([("planted/4", "add", 1)])
        await engine.result(task, wait_s=30)
        cells = await recounted(engine, tmp_path)
        assert cells["tasks.complete accepted"].recounted == 1
        assert cells["tasks.complete others"].verdict == UNAVAILABLE
        assert "leave no record" in cells["tasks.complete others"].reason
        assert cells["agents.active"].verdict == UNAVAILABLE


async def test_with_memory_every_count_is_unavailable_for_that_reason(tmp_path: Path) -> None:
    async with running([pool()], [Planted]) as engine:
        await engine.spawn(Planted, 3)
        await engine.ask("planted/0", "add", 1)
        cells = await recounted(engine, tmp_path)
        assert {cells[name].verdict for name in COUNTED} == {UNAVAILABLE}
        assert {cells[name].reason for name in COUNTED} == {"durability is memory: nothing is on the disk"}
        assert not [cell for cell in cells.values() if cell.verdict == DIFFERS]


@contextlib.asynccontextmanager
async def served(line: Commands) -> AsyncIterator[Engine]:
    """An engine of this process behind the socket of the engine that a command line means."""
    paths = find_paths("engine", line.environ)
    paths.prepare()
    async with running([pool()], [Planted], data=paths.data) as engine:
        await engine.spawn(Planted, 5)
        control = Control(engine, lambda _emergency: None)
        await control.listen(paths.socket)
        try:
            yield engine
        finally:
            await control.close()


async def test_the_command_ends_with_4_and_names_the_cell(tmp_path: Path) -> None:
    line = Commands(tmp_path)
    async with served(line) as engine:
        done = await asyncio.to_thread(line, "recount")
        assert done.returncode == 0, done.stdout + done.stderr
        engine.detached.register.accepted += 1  # so one more is shown to be open
        done = await asyncio.to_thread(line, "recount")
        assert done.returncode == 4
        assert "1 of these differ" in done.stderr
        (row,) = [row for row in done.stdout.splitlines() if "differs" in row]
        assert row.split()[:4] == ["tasks.queue", "1", "0", "differs"]
        engine.detached.register.accepted -= 1


def test_a_daemon_that_was_killed_is_recounted_as_it_was(tmp_path: Path) -> None:
    with commands(tmp_path) as line:
        assert line("spawn", "--count", "50").returncode == 0
        (tmp_path / "tasks").write_text(
            "".join(f'{{"agent":"counter/{n % 50}","method":"add","args":[1]}}\n' for n in range(500))
        )
        assert line("submit", str(tmp_path / "tasks")).returncode == 0
        os.kill(line.document("stats")["pid"], signal.SIGKILL)
        assert line("start").returncode == 0
        document = line.document("recount")
        cells = {cell["cell"]: cell for cell in document["cells"]}
        assert document["schema"] == "engine.recount/v1"
        assert document["differing"] == 0
        assert cells["agents.total"]["recounted"] == 50
        assert cells["tasks.complete"]["recounted"] + cells["tasks.queue"]["recounted"] == 500


def test_an_engine_that_was_stopped_is_compared_with_what_was_recorded_last(tmp_path: Path) -> None:
    with commands(tmp_path) as line:
        assert line("recount").returncode == 3, "nothing was ever recorded"
        assert line("spawn", "--count", "50").returncode == 0
        journal = tmp_path / "home" / "state" / "engine" / "data" / "_journal"
        shutil.copytree(journal, tmp_path / "before")
        (tmp_path / "tasks").write_text('{"agent":"counter/7","method":"add","args":[1]}\n' * 100)
        assert line("submit", str(tmp_path / "tasks")).returncode == 0
        while line.document("stats")["tasks"]["open"]:
            pass
        time.sleep(3.0)  # so that what is recorded last is what there is
        assert line("stop").returncode == 0
        document = line.document("recount")
        cells = {cell["cell"]: cell for cell in document["cells"]}
        assert (document["source"], document["differing"]) == ("recorded", 0)
        assert (cells["tasks.complete"]["shown"], cells["tasks.complete"]["recounted"]) == (100, 100)
        shutil.rmtree(journal)
        shutil.copytree(tmp_path / "before", journal)
        done = line("recount")
        assert done.returncode == 4
        assert any(row.split()[:4] == ["tasks.complete", "100", "0", "differs"] for row in done.stdout.splitlines())
