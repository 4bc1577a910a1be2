"""What is shown is what the files say, whatever happened before; a count that was changed is found and named."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints.errors import DiskFull
from checkpoints.store import open_store
from engine import errors
from engine.control import Control
from engine.engine import Engine
from engine.paths import find_paths
from engine.recount.cell import DIFFERS, OK, UNAVAILABLE, Cell
from engine.recount.recount import Places, Shown, recount
from pools import compactor
from tests.support.commands import Commands, commands
from tests.support.planted import Planted
from tests.support.processes import pool, running, until

#: Cells that are counted again wherever something is kept.
COUNTED = {
    *("agents.total", "agents.failed", "agents.idle"),
    *(f"tasks.{name}" for name in ("accepted", "queue", "complete", "failed", "cancelled", "success")),
    *(f"performance.{name}" for name in ("tasks_per_min", "errors_per_min", "recoveries_per_min", "efficiency")),
    *("cost.total", "top"),
}
#: Those that are counted once the engine has run for some seconds.
USED = {"resources.cpu", "resources.network_bytes_per_s", "resources.disk_bytes_per_s"}
#: What an hour of the machine and of its processors costs in these tests.
PRICE = {"currency": "EUR", "cpu_hour": 3_600.0, "machine_hour": 36.0}


@contextlib.asynccontextmanager
async def kept(folder: Path, **facts: Any) -> AsyncIterator[Engine]:
    """An engine whose tasks are in a journal."""
    async with running([pool(2)], [Planted], data=folder / "data", **facts) as engine:
        await engine.spawn(Planted, 20)
        yield engine


async def recounted(
    engine: Engine, folder: Path, change: Callable[[dict[str, Any]], object] = bool, pause: Callable[[float], None] = time.sleep
) -> dict[str, Cell]:
    """The cells by name, counted in a thread while the engine goes on. change: of what the overview shows."""
    loop = asyncio.get_running_loop()
    places = Places(folder / "data" / "_roster", folder / "data" / "_journal", folder / "sprints")

    async def look() -> Shown:
        stats = engine.stats().as_dict()
        document = engine.overview(stats).as_dict()
        change(document)
        row, unwritten = await engine.write_counts(stats["time_s"])
        return Shown(stats, document, row=row, unwritten=unwritten)

    def shown() -> Shown:
        return asyncio.run_coroutine_threadsafe(look(), loop).result(30)

    cells = await asyncio.to_thread(recount, places, shown, None, pause)
    return {f"{cell.cell} {cell.part}".strip(): cell for cell in cells}


def at_once(_seconds: float) -> None:
    """Do not wait: nothing goes on that a count could be behind."""


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
            "performance.tasks_per_min",  # which follows from it
        }
        assert (cells["tasks.complete"].shown, cells["tasks.complete"].recounted) == (1, 2)
        register.ended["done"] += 1
        engine.swarm.placement.count += 1
        cells = await recounted(engine, tmp_path)
        assert {name for name, cell in cells.items() if cell.verdict == DIFFERS} == {"agents.total", "agents.idle"}
        engine.swarm.placement.count -= 1
        assert not [cell for cell in (await recounted(engine, tmp_path)).values() if cell.verdict == DIFFERS]


async def waited_for(engine: Engine) -> None:
    """Tasks whose sender waits: done, failed, expired, cancelled and open, in a batch and one by one."""
    tasks = [(f"planted/{key % 20}", "add", 1) for key in range(300)] + [("planted/2", "fail")] * 5
    assert sum([len(batch) async for batch in engine.map_batches(tasks)]) == 305
    await engine.ask("planted/3", "add", 1)
    with pytest.raises(errors.TaskFailed):
        await engine.ask("planted/4", "fail")
    engine.ask("planted/5", "wait", "/nowhere").add_done_callback(lambda held: held.exception())
    with pytest.raises(errors.TaskExpired):
        await engine.ask("planted/5", "add", 1, timeout_s=0.2)
    given_up = asyncio.ensure_future(anext(engine.map([("planted/6", "wait", "/nowhere")])))
    await until(lambda: engine.overview().agents["active"] == 2)
    given_up.cancel()
    await until(lambda: engine.stats().tasks["cancelled"] == 1)
    await until(lambda: sum(seat.podium.done for seat in engine.swarm.seats) == 301)


async def test_tasks_whose_sender_waits_are_counted_again_too(tmp_path: Path) -> None:
    async with kept(tmp_path, price=PRICE) as engine:
        await waited_for(engine)
        (task,) = await engine.submit([("planted/4", "add", 1)])
        await engine.result(task, wait_s=30)
        await until(lambda: sum(seat.podium.done for seat in engine.swarm.seats) == 302)
        await until(lambda: engine.meter._clock() - engine.meter._began_s > 2.1 and engine.meter.cpu() is not None)
        cells = await recounted(engine, tmp_path)
        assert {name: cells[name].verdict for name in COUNTED | USED} == dict.fromkeys(COUNTED | USED, OK)
        counts = {name: cells[f"tasks.{name}"].recounted for name in ("accepted", "queue", "complete", "failed", "cancelled")}
        assert counts == {"accepted": 311, "queue": 1, "complete": 302, "failed": 5 + 1 + 1, "cancelled": 1}
        assert cells["performance.tasks_per_min"].recounted == 302
        assert cells["performance.errors_per_min"].recounted == 6
        assert list(cells["top"].recounted.values()) == [16, 16, 15]
        assert {name for name, cell in cells.items() if cell.verdict == UNAVAILABLE} == {
            "agents.active",
            "resources.memory_bytes",
        }


async def again_and_again(engine: Engine) -> None:
    """Tasks one after the other until this is cancelled."""
    while True:
        await engine.ask("planted/7", "add", 1)
        await asyncio.sleep(0.05)


async def test_each_cell_that_shows_something_else_is_found_and_no_other(tmp_path: Path) -> None:
    async with kept(tmp_path, price=PRICE) as engine:
        await waited_for(engine)
        await until(lambda: engine.meter._clock() - engine.meter._began_s > 2.1 and engine.meter.cpu() is not None)
        working = asyncio.ensure_future(again_and_again(engine))  # so that there is a row for each second
        for cell in sorted((COUNTED | USED) - {"top"}):
            floor, name = cell.split(".")

            def plant(document: dict[str, Any], floor: str = floor, name: str = name) -> None:
                number = document[floor][name]
                document[floor][name] = number + 1 if isinstance(number, int) else number * 1.5 + 1

            found = await recounted(engine, tmp_path, plant, at_once)
            assert {name for name, each in found.items() if each.verdict == DIFFERS} == {cell}
        found = await recounted(engine, tmp_path, lambda document: document["top"][1].update(done=9), at_once)
        assert {name for name, each in found.items() if each.verdict == DIFFERS} == {"top"}
        working.cancel()


async def test_a_count_of_those_who_wait_that_was_changed_is_found(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        await waited_for(engine)
        for name, cells in (
            ("accepted", {"tasks.accepted", "tasks.queue"}),
            ("done", {"tasks.queue", "tasks.complete", "tasks.success", "performance.tasks_per_min"}),
            ("failed", {"tasks.queue", "tasks.failed", "tasks.success"}),
            ("expired", {"tasks.queue", "tasks.failed", "tasks.success"}),
            ("cancelled", {"tasks.queue", "tasks.cancelled"}),
        ):
            setattr(engine.tally, name, getattr(engine.tally, name) + 1)
            found = await recounted(engine, tmp_path, pause=at_once)
            assert {name for name, cell in found.items() if cell.verdict == DIFFERS} == cells
            setattr(engine.tally, name, getattr(engine.tally, name) - 1)
        assert not [cell for cell in (await recounted(engine, tmp_path)).values() if cell.verdict == DIFFERS]


async def test_what_was_counted_rides_through_a_compaction_and_ends_with_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compactor, "LOOK_S", 0.02)
    monkeypatch.setattr(compactor, "SEALED_BYTES", 1)
    async with kept(tmp_path) as engine:
        await waited_for(engine)
        store = engine.detached.journal._store
        assert store is not None
        await recounted(engine, tmp_path)  # so that a row is there
        generation = store.manifest.generation
        await engine.detached.journal._loop.run_in_executor(engine.detached.journal._thread, store.log.roll)
        await until(lambda: store.manifest.generation > generation)
        cells = await recounted(engine, tmp_path)
        assert {name: cells[name].verdict for name in COUNTED} == dict.fromkeys(COUNTED, OK)
        assert cells["tasks.complete"].recounted == 301
        assert cells["performance.tasks_per_min"].recounted == 301
    async with kept(tmp_path) as engine:  # who waited does no more
        cells = await recounted(engine, tmp_path)
        assert {name: cells[name].verdict for name in COUNTED} == dict.fromkeys(COUNTED, OK)
        assert (cells["tasks.accepted"].recounted, cells["tasks.complete"].recounted) == (0, 0)


async def test_a_journal_that_was_put_back_while_the_engine_runs_is_found(tmp_path: Path) -> None:
    journal = tmp_path / "data" / "_journal"
    async with kept(tmp_path) as engine:
        shutil.copytree(journal, tmp_path / "before")
        await engine.ask("planted/3", "add", 1)
        assert (await recounted(engine, tmp_path))["tasks.complete"].verdict == OK
        now = journal.rename(tmp_path / "now")
        (tmp_path / "before").rename(journal)
        cells = await recounted(engine, tmp_path, pause=at_once)
        assert {name for name, cell in cells.items() if cell.verdict == DIFFERS} == {
            "tasks.accepted others",
            "tasks.complete others",
        }
        journal.rename(tmp_path / "before")
        now.rename(journal)


async def test_where_no_row_can_be_written_what_it_would_say_is_unavailable_with_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path) as engine:
        await engine.ask("planted/3", "add", 1)
        store = engine.detached.journal._store

        def full(*_given: object) -> int:
            raise DiskFull("a log", OSError(errno.ENOSPC, "no space left on device"))

        monkeypatch.setattr(store, "commit", full)
        cells = await recounted(engine, tmp_path)
        assert cells["tasks.complete others"].verdict == cells["performance.tasks_per_min"].verdict == UNAVAILABLE
        assert "no space left" in cells["tasks.complete others"].reason
        assert not [cell for cell in cells.values() if cell.verdict == DIFFERS]
        monkeypatch.undo()
        await until(lambda: engine.detached.journal._full is None)
        assert (await recounted(engine, tmp_path))["tasks.complete"].verdict == OK


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
        assert "2 of these differ" in done.stderr
        rows = [row.split()[:4] for row in done.stdout.splitlines() if "differs" in row]
        assert rows == [["tasks.accepted", "1", "0", "differs"], ["tasks.queue", "1", "0", "differs"]]
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
