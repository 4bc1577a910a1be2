"""Faults that systems of this sort are known for, each with a test of the running engine that would show it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from checkpoints.commitlog import CommitLog
from checkpoints.frame import Part
from engine import errors
from pools.agent import Agent
from pools.gauges import BUSY_SINCE_NS, WAITING
from pools.method import task
from tests.support.agents import Tally, Waiter
from tests.support.processes import pool, running, until


class Worker(Agent):
    """Does its work in each of the ways in which a task can run and end."""

    done: int = 0

    def work(self) -> str:
        """At once."""
        self.done += 1
        return self.status

    async def wait(self, seconds: float) -> str:
        """After a while."""
        await asyncio.sleep(seconds)
        return self.work()

    def fail(self) -> None:
        """Not at all."""
        raise ValueError("as told")

    async def fail_later(self) -> None:
        """Not at all, after a while."""
        await asyncio.sleep(0)
        raise ValueError("as told")

    @task(max_run_s=20)
    def work_alone(self) -> str:
        """In a process of its own."""
        self.done += 1
        return "run"

    def count(self) -> int:
        """How much was done."""
        return self.done


async def test_an_agent_whose_task_has_ended_is_idle_however_it_ended() -> None:
    async with running([pool(1)], [Worker]) as engine:
        await engine.spawn("worker", 6)
        cells = engine.swarm.seats[0].cells
        assert [await engine.ask(f"worker/{key}", *call) for key, call in enumerate([("work",), ("wait", 0.01)])] == ["run"] * 2
        for key, method in ((2, "fail"), (3, "fail_later")):
            with pytest.raises(errors.TaskFailed, match="as told"):
                await engine.ask(f"worker/{key}", method)
        with pytest.raises(errors.TaskExpired):
            await engine.ask("worker/4", "wait", 60, timeout_s=0.3)
        assert await engine.ask("worker/5", "work_alone") == "run"
        seat = engine.swarm.seats[0]
        statuses = await seat.request("agents", kind="worker", keys=list(range(6)))
        assert [status[:2] for status in statuses] == [["idle", 0]] * 6
        await until(lambda: cells[BUSY_SINCE_NS] == 0)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_tasks_that_wait_behind_one_that_is_ended_with_its_worker_are_all_answered(
    tmp_path: Path, *, is_kept: bool
) -> None:
    """With state kept they are done by the next process; without they are told what happened. None hangs, none is lost."""
    async with running([pool(1)], [Worker], data=tmp_path / "data" if is_kept else None) as engine:
        await engine.spawn("worker", 1)
        asks = [engine.ask("worker/0", "wait", 0.5 if at == 0 else 0) for at in range(50)]
        seat = engine.swarm.seats[0]
        await until(lambda: seat.cells[WAITING] == 49)
        os.kill(seat.pid or 0, signal.SIGKILL)
        answers = await asyncio.wait_for(asyncio.gather(*asks, return_exceptions=True), 20)
        if is_kept:
            assert answers == ["run"] * 50
            assert await engine.ask("worker/0", "count") == 50
        else:
            assert {type(answer) for answer in answers} == {errors.WorkerDied}
            assert await engine.ask("worker/0", "work") == "run"


async def test_nothing_is_written_or_synced_by_the_thread_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own stores: roster and journal. A worker's commit thread is looked at from inside of it."""
    seen: list[int] = []
    commit = CommitLog.commit

    def noted(self: CommitLog, parts: Sequence[Part], count: int) -> int:
        seen.append(threading.get_ident())
        return commit(self, parts, count)

    monkeypatch.setattr(CommitLog, "commit", noted)
    async with running([pool(1)], [Tally], data=tmp_path / "data") as engine:
        await engine.spawn("tally", 10)
        begun = len(seen)
        (accepted,) = await engine.submit([("tally/1", "add", 1)])
        assert await engine.result(accepted, wait_s=10) == 1
        assert await engine.ask("tally/1", "add", 1) == 2
        await engine.spawn("tally", 20)
        assert len(seen) > begun
        assert threading.get_ident() not in seen[begun:]


async def test_a_slow_task_holds_up_nobody_but_its_own_agent() -> None:
    """No barrier: the results of thousands behind it come while it runs, in sections, windows and chunks of any size."""
    async with running([pool(1)], [Tally, Waiter]) as engine:
        await engine.spawn("tally", 1_000)
        await engine.spawn("waiter", 1)
        count = 6_000
        tasks: list[tuple[Any, ...]] = [("waiter/0", "forever"), *(("tally", "add", 1) for _ in range(count))]
        ended = 0
        async with asyncio.timeout(30):
            async for result in engine.map(tasks):
                assert result.ok
                ended += 1
                if ended == count:
                    break
        assert ended == count


async def test_a_kind_that_nobody_made_is_an_error_and_one_that_is_made_later_is_found_everywhere() -> None:
    async with running([pool(2)], [Tally, Worker]) as engine:
        for address in ("nobody", "worker", "worker/0"):
            with pytest.raises(errors.UnknownKind, match="were spawned"):
                await engine.ask(address, "work")
        await engine.spawn("worker", 20)
        assert [await engine.ask(f"worker/{key}", "work") for key in range(20)] == ["run"] * 20
        assert await engine.ask("worker", "work") == "run"


async def test_a_task_for_any_agent_of_a_kind_waits_where_none_is_idle_and_is_done() -> None:
    async with running([pool(2)], [Worker]) as engine:
        await engine.spawn("worker", 2)
        asks = [engine.ask("worker", "wait", 0.02) for _ in range(40)]
        assert await asyncio.wait_for(asyncio.gather(*asks), 20) == ["run"] * 40
        assert sum([await engine.ask(f"worker/{key}", "count") for key in (0, 1)]) == 40
