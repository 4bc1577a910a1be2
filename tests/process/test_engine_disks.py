"""A disk that is full refuses changes, and only these; one that fails ends all changes; nothing that was answered is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.backup.copying import copy
from engine.backup.restoring import restore
from engine.engine import Engine
from pools.agent import Agent
from pools.context import Context
from tests.support.agents import Book, Tally
from tests.support.mounts import fill, mounted, power_off, turn_read_only
from tests.support.processes import pool, running, until, worker_pids

AGENTS, ADDERS = 200, 40
REFUSED = (errors.StoreFull, errors.StoreStopped)


class Sender(Agent):
    """Sends messages and sets timers; the second way waits first."""

    sent: int = 0

    def send(self, to: str, ctx: Context) -> int:
        """Send a one to somebody, at once and later."""
        self.sent += 1
        ctx.tell(to, "add", 1)
        ctx.timer(0.01, "ring")
        return self.sent

    async def send_later(self, to: str, ctx: Context) -> None:
        """The same without a change of its own."""
        await asyncio.sleep(0)
        await ctx.tell(to, "add", 1)

    def ring(self) -> None:
        """A timer's."""
        self.sent += 1_000

    def get(self) -> int:
        """How many were sent."""
        return self.sent


@asynccontextmanager
async def keeping(folder: Path, workers: int = 2, failpoints: str = "") -> AsyncIterator[Engine]:
    """An engine that keeps its state there. failpoints: where its workers' disks fail."""
    environ = {**os.environ, "CHECKPOINTS_DEATHS": os.devnull}
    if failpoints:
        environ["CHECKPOINTS_FAILPOINTS"] = failpoints
    kinds = (Tally, Book, Sender)
    async with running([pool(workers)], kinds, durability="sync", data=folder, environ=environ) as engine:
        yield engine


class Load:
    """Callers that add ones again and again, and what they were told, by agent."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.added: Counter[int] = Counter()
        self.told: Counter[str] = Counter()
        self._is_over = False
        self._tasks = [asyncio.ensure_future(self._add(number)) for number in range(ADDERS)]

    async def _add(self, number: int) -> None:
        key = number
        while not self._is_over:
            key = (key + ADDERS) % AGENTS
            try:
                await self._engine.ask(f"tally/{key}", "add", 1)
            except errors.PoolError as error:
                self.told[type(error).__name__] += 1
                await asyncio.sleep(0.002)
            else:
                self.told["added"] += 1
                self.added[key] += 1

    async def heard(self, name: str, count: int = 50) -> None:
        """Wait until so many more callers were told that."""
        wanted = self.told[name] + count
        await until(lambda: self.told[name] >= wanted)

    async def stop(self) -> None:
        """Add no more."""
        self._is_over = True
        await asyncio.gather(*self._tasks)


async def totals(engine: Engine) -> Counter[int]:
    """What every agent has."""
    tasks = [(f"tally/{key}", "get") for key in range(AGENTS)]
    return Counter({result.id: result.value async for result in engine.map(tasks) if result.value or not result.ok})


def names(engine: Engine) -> list[str]:
    return [event.name for event in engine.events if event.name.startswith("store.")]


# -- full --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
async def test_a_full_disk_refuses_changes_answers_the_rest_and_goes_on_when_there_is_room(tmp_path: Path, kind: str) -> None:
    with mounted(tmp_path, kind, 16) as mount:
        async with keeping(mount / "data") as engine:
            await engine.spawn(Tally, AGENTS)
            load = Load(engine)
            for _ in range(2):
                await load.heard("added")
                filled = fill(mount)
                await load.heard("StoreFull")
                await until(lambda: engine.stats().workers["full"] == 2)
                before = load.added.copy()
                seen = await totals(engine)
                assert all(before[key] <= seen[key] for key in range(AGENTS))
                filled.unlink()
                await load.heard("added")
                await until(lambda: engine.stats().workers["full"] == 0)
            await load.stop()
            assert set(load.told) == {"added", "StoreFull"}
            assert await totals(engine) == load.added
            assert {"store.full", "store.taken"} == set(names(engine))
            tasks = engine.stats().tasks
            assert tasks["accepted"] == sum(tasks[name] for name in ("done", "failed", "cancelled", "expired", "open"))
        async with keeping(mount / "data") as engine:
            assert await totals(engine) == load.added


async def test_a_refused_task_leaves_nothing_of_itself_and_runs_once_when_it_comes_again(tmp_path: Path) -> None:
    with mounted(tmp_path, "tmpfs", 16) as mount:
        async with keeping(mount / "data") as engine:
            await engine.spawn(Tally, AGENTS)
            await engine.spawn(Book, 10)
            await engine.spawn(Sender, 10)
            assert await engine.ask("book/1", "write", 1) == [1]
            assert await engine.ask("sender/1", "send", "tally/1") == 1
            await until_equal(engine, "sender/1", 1_001)
            await until_equal(engine, "tally/1", 1)
            filled = fill(mount)
            await until_full(engine, range(100, AGENTS), 2)
            again = [
                ("book/1", "write", 2), ("book/2", "write", 2), ("sender/1", "send", "tally/3"),
                ("sender/2", "send_later", "tally/4"), ("tally/5", "add", 5),
            ]  # fmt: skip
            for task in again:
                await refused(engine, *task)
            assert await engine.ask("book/1", "show") == [[1], {}, []]
            assert await engine.ask("book/2", "show") == [[], {}, []]
            assert await engine.ask("sender/1", "get") == 1_001
            assert [await engine.ask(f"tally/{key}", "get") for key in (1, 3, 4, 5)] == [1, 0, 0, 0]
            with pytest.raises(errors.TaskFailed, match="as told"):
                await engine.ask("book/1", "spoil", 7)
            filled.unlink()
            await until(lambda: engine.stats().workers["full"] == 0)
            for task in again:
                await engine.ask(*task)
            await until_equal(engine, "sender/1", 2_002)
            await until_equal(engine, "tally/3", 1)
            await until_equal(engine, "tally/4", 1)
            assert await engine.ask("tally/5", "get") == 5
            assert await engine.ask("book/1", "show") == [[1, 2], {}, []]
            assert await engine.ask("book/2", "show") == [[2], {}, []]


async def refused(engine: Engine, *task: Any) -> None:
    with pytest.raises(errors.StoreFull) as caught:
        await engine.ask(*task)
    assert caught.value.retry_after_s
    assert errors.exit_code(caught.value) == 3


async def until_full(engine: Engine, keys: Iterable[int], workers: int) -> None:
    """Add to agents until so many workers have found that there is no room."""
    tasks = [(f"tally/{key}", "add", 1) for key in keys]
    async with asyncio.timeout(20):
        while engine.stats().workers["full"] < workers:
            assert {result.error.type for result in [one async for one in engine.map(tasks)] if result.error} <= {"StoreFull"}


async def until_equal(engine: Engine, address: str, value: int) -> None:
    """Wait until an agent has a value."""
    deadline_s = time.monotonic() + 20
    while (found := await engine.ask(address, "get")) != value:
        assert time.monotonic() < deadline_s, f"{address} has {found}, not {value}"


async def test_a_message_to_a_worker_without_room_arrives_once_when_there_is_some(tmp_path: Path) -> None:
    """Its sender's disk has room: the message stays open there, and its receiver takes it later."""
    with mounted(tmp_path, "tmpfs", 16) as mount:
        data = tmp_path / "data"
        (data / "p").mkdir(parents=True)
        (data / "p" / "1").symlink_to(mount)
        async with keeping(data) as engine:
            await engine.spawn(Tally, AGENTS)
            await engine.spawn(Sender, AGENTS)
            here = [key for key in range(AGENTS) if engine.swarm.placement.worker_of("tally", key)[1] == 1]
            to = here[0]
            by = next(key for key in range(AGENTS) if engine.swarm.placement.worker_of("sender", key)[1] == 0)
            filled = fill(mount)
            await until_full(engine, [key for key in here if key != to], 1)
            assert await engine.ask(f"sender/{by}", "send", f"tally/{to}") == 1
            assert await engine.ask(f"tally/{to}", "get") == 0
            filled.unlink()
            await until_equal(engine, f"tally/{to}", 1)
            await until_equal(engine, f"sender/{by}", 1_001)


async def test_accepted_tasks_that_meet_a_full_disk_stay_open_and_are_done_once_there_is_room(tmp_path: Path) -> None:
    """The journal has room: what was accepted is tried again, and is no dead letter."""
    with mounted(tmp_path, "tmpfs", 16) as mount:
        data = tmp_path / "data"
        data.mkdir()
        (data / "p").symlink_to(mount)
        async with keeping(data) as engine:
            await engine.spawn(Tally, AGENTS)
            filled = fill(mount)
            await until_full(engine, range(100, AGENTS), 2)
            before = engine.stats().detached
            await engine.submit([(f"tally/{number % 50}", "add", 1) for number in range(500)])
            await until(lambda: sum(seat.link.open for seat in engine.swarm.seats) == 0)
            assert engine.stats().detached == before | {"accepted": 500, "open": 500}
            filled.unlink()
            await until(lambda: engine.stats().detached["open"] == 0)
            assert engine.stats().detached == before | {"accepted": 500, "done": 500}
            assert {key: total for key, total in (await totals(engine)).items() if key < 50} == dict.fromkeys(range(50), 10)


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EFBIG"])
async def test_writes_without_room_by_chance_cost_callers_a_second_try_and_nothing_else(tmp_path: Path, error: str) -> None:
    async with keeping(tmp_path / "data", failpoints=f"commit.write={error}*0.02") as engine:
        await engine.spawn(Tally, AGENTS)
        load = Load(engine)
        for _ in range(3):
            await load.heard("StoreFull", 20)
            await load.heard("added", 20)
        await load.stop()
        assert set(load.told) == {"added", "StoreFull"}
        assert await totals(engine) == load.added
        assert engine.swarm.seats[0].restarts + engine.swarm.seats[1].restarts > 0
        assert {seat.state for seat in engine.swarm.seats} == {"running"}
    async with keeping(tmp_path / "data") as engine:
        assert await totals(engine) == load.added


# -- failed ------------------------------------------------------------------------------------------------------------


async def stopped(engine: Engine, load: Load, added: int) -> None:
    """Hold an engine whose stores have stopped against what its callers were told by then."""
    await until(lambda: engine.stats().workers["stopped"] == len(engine.swarm.seats))
    assert load.told["StoreStopped"] > 0
    assert load.told["added"] == added
    assert await totals(engine) == load.added
    with pytest.raises(errors.StoreStopped, match="started anew") as caught:
        await engine.ask("tally/1", "add", 1)
    assert errors.exit_code(caught.value) == 4
    assert "store.stopped" in names(engine)
    assert "store.taken" not in names(engine)
    for pid in worker_pids(engine):  # nor does the death of a worker make its store take changes again
        os.kill(pid, 9)
    await until(lambda: all(seat.pid and seat.state == "running" for seat in engine.swarm.seats))
    with pytest.raises(errors.StoreStopped):
        await engine.ask("tally/1", "add", 1)
    assert await totals(engine) == load.added


@pytest.mark.parametrize("fault", ["commit.sync=EIO*0.02", "commit.write=EIO*0.02", "commit.write=EROFS*0.02"])
async def test_after_a_failed_sync_nothing_is_acknowledged_and_all_that_was_is_there(tmp_path: Path, fault: str) -> None:
    async with keeping(tmp_path / "data", 1, fault) as engine:
        await engine.spawn(Tally, AGENTS)
        load = Load(engine)
        await load.heard("StoreStopped", 1)
        added = load.told["added"]
        await load.heard("StoreStopped")
        await load.stop()
        await stopped(engine, load, added)
    async with keeping(tmp_path / "data", 1) as engine:  # opened anew and read again
        assert await totals(engine) == load.added
        assert await engine.ask("tally/1", "add", 1) == load.added[1] + 1


# -- what can still be saved -------------------------------------------------------------------------------------------


async def saved(engine: Engine, load: Load, data: Path, place: Path) -> None:
    """A backup is made soon while the store of a worker is not written, and has all that was acknowledged."""
    loop = asyncio.get_running_loop()

    def cut() -> dict[str, list[int]]:
        return asyncio.run_coroutine_threadsafe(engine.cut(), loop).result(30)

    before = load.added.copy()
    began_s = time.monotonic()
    await asyncio.to_thread(copy, data, place / "copy", name="x", cut=cut)
    assert time.monotonic() - began_s < 10
    after = load.added.copy()
    restore(place / "copy", place / "restored")
    async with keeping(place / "restored", len(engine.swarm.seats)) as other:
        found = await totals(other)
        assert all(before[key] <= found[key] <= after[key] + ADDERS for key in range(AGENTS))
        assert sum((found - after).values()) <= ADDERS  # under way at that moment
        assert await other.ask("tally/1", "add", 1) == found[1] + 1


async def test_a_full_disk_can_be_backed_up_to_another_at_once(tmp_path: Path) -> None:
    with mounted(tmp_path, "tmpfs", 16) as mount:
        async with keeping(mount / "data") as engine:
            await engine.spawn(Tally, AGENTS)
            load = Load(engine)
            await load.heard("added")
            filled = fill(mount)
            await until(lambda: engine.stats().workers["full"] >= 1)
            await saved(engine, load, mount / "data", tmp_path)
            filled.unlink()
            await until(lambda: engine.stats().workers["full"] == 0)
            await load.heard("added")
            await load.stop()
            assert set(load.told) == {"added", "StoreFull"}
            assert await totals(engine) == load.added


async def test_a_store_that_has_stopped_can_be_backed_up_at_once(tmp_path: Path) -> None:
    async with keeping(tmp_path / "data", 1, "commit.sync=EIO*0.02") as engine:
        await engine.spawn(Tally, AGENTS)
        load = Load(engine)
        await load.heard("StoreStopped")
        await load.stop()
        await saved(engine, load, tmp_path / "data", tmp_path)


async def test_a_disk_that_turned_read_only_is_read_and_takes_nothing(tmp_path: Path) -> None:
    with mounted(tmp_path, "ext4", 32) as mount:
        async with keeping(mount / "data", 1) as engine:
            await engine.spawn(Tally, AGENTS)
            load = Load(engine)
            await load.heard("added")
            known = load.added.copy()
            turn_read_only(mount)
            await load.heard("StoreStopped", 1)
            added = load.told["added"]
            await load.heard("StoreStopped")
            await load.stop()
            await stopped(engine, load, added)
        subprocess.run(["umount", str(mount)], check=True)
        subprocess.run(["mount", "-o", "loop", str(tmp_path / "image"), str(mount)], check=True)
        async with keeping(mount / "data", 1) as engine:
            found = await totals(engine)
            assert all(known[key] <= found[key] <= load.added[key] for key in range(AGENTS))
            # a sync that ext4 ends its journal under succeeds without having written, with no engine too (Linux 6.18)
            assert sum((load.added - found).values()) <= ADDERS


async def test_after_its_folder_was_removed_nothing_is_acknowledged(tmp_path: Path) -> None:
    async with keeping(tmp_path / "data", 1) as engine:
        await engine.spawn(Tally, AGENTS)
        load = Load(engine)
        await load.heard("added")
        shutil.rmtree(tmp_path / "data")
        off = load.added.copy()
        await until(lambda: sum(load.told.values()) - load.told["added"] > 50)
        added = load.told["added"]
        await load.stop()
        assert load.told["added"] == added
        assert sum((load.added - off).values()) <= ADDERS  # answers that were on their way
        with pytest.raises(errors.JournalFailed):
            await engine.submit([("tally/1", "add", 1)])


async def test_a_disk_that_went_away_acknowledges_nothing_more_and_has_what_was_when_it_is_back(tmp_path: Path) -> None:
    with mounted(tmp_path, "ext4", 32) as mount:
        async with keeping(mount / "data", 1) as engine:
            await engine.spawn(Tally, AGENTS)
            load = Load(engine)
            await load.heard("added")
            power_off(mount)
            off = load.added.copy()
            await until(lambda: sum(load.told.values()) - load.told["added"] > 50)
            added = load.told["added"]
            await load.stop()
            assert load.told["added"] == added
            assert sum((load.added - off).values()) <= ADDERS  # answers that were on their way
        subprocess.run(["umount", str(mount)], check=True)
        subprocess.run(["mount", "-o", "loop", str(tmp_path / "image"), str(mount)], check=True)
        async with keeping(mount / "data", 1) as engine:
            found = await totals(engine)
            assert all(found[key] >= off[key] for key in range(AGENTS))
            # a sync that ext4 ends its journal under succeeds without having written, with no engine too (Linux 6.18)
            assert sum((load.added - found).values()) <= ADDERS
            assert sum((found - load.added).values()) <= ADDERS  # under way when it went: nobody was told of them
