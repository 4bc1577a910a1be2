"""A worker that dies takes only what ran in it; it comes back, but not for ever; a bad agent stays alone."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine import errors
from engine.engine import Engine
from pools.events import Event
from pools.spec import RESTARTS
from tests.support.processes import pool, running, until, worker_pids


def kill(engine: Engine, worker: int = 0) -> int:
    """Kill a worker's process; returns which."""
    pid = engine.swarm.seats[worker].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


async def back(engine: Engine, pid: int, worker: int = 0) -> None:
    """Wait until a worker has another process that is ready."""
    seat = engine.swarm.seats[worker]
    await until(lambda: seat.state == "running" and seat.pid not in (None, pid))


async def test_tasks_in_a_worker_that_is_killed_fail_and_later_ones_work() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("waiter", 100)
        await engine.spawn("tally", 100)
        stuck = [engine.ask(f"waiter/{key}", "forever") for key in range(100)]
        assert await engine.ask("tally/1", "get") == 0
        pid = kill(engine)
        lost = [key for key in range(100) if engine.swarm.placement.worker_of("waiter", key)[1] == 0]
        done, _ = await asyncio.wait([stuck[key] for key in lost], timeout=10)
        assert len(done) == len(lost) > 0
        for key in lost:
            error = stuck[key].exception()
            assert isinstance(error, errors.WorkerDied)
            assert error.retry_after_s
            assert "killed by signal 9" in str(error)
        assert not any(stuck[key].done() for key in set(range(100)) - set(lost))
        await back(engine, pid)
        results = [result async for result in engine.map((f"tally/{key}", "add", 1) for key in range(100))]
        assert all(result.ok for result in results)
        assert engine.swarm.seats[0].restarts == 1
        assert [event.name for event in engine.events].count("worker.died") == 1
        for future in stuck:
            future.cancel()
        await engine.stop(grace_s=0)


async def test_who_raises_when_told_of_a_death_keeps_no_worker_from_coming_back(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []

    def bad(event: Event) -> None:
        told.append(event.name)
        raise LookupError(event.name)

    async with running([pool(1)], on_event=bad) as engine:
        await engine.spawn("tally", 3)
        assert await engine.ask("tally/1", "add", 1) == 1
        pid = kill(engine)
        await back(engine, pid)
        assert await engine.ask("tally/1", "add", 1) == 1  # in memory, what a worker held is gone with it
        assert "worker.died" in told
        assert [event.name for event in engine.events] == told
    assert capfd.readouterr().err.count("on_event failed") == 1


async def test_tasks_that_were_not_sent_yet_are_done_by_the_next_process() -> None:
    async with running([pool(1)]) as engine:
        await engine.spawn("tally", 10)
        kill(engine)
        await until(lambda: engine.swarm.seats[0].state == "backoff")
        assert await asyncio.gather(*(engine.ask(f"tally/{key}", "add", 2) for key in range(10))) == [2] * 10


async def test_a_map_goes_through_the_death_of_a_worker_and_every_task_has_one_result() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 1_000)
        seen: list[int] = []
        failed = set()
        killed = False
        async for batch in engine.map_batches((f"tally/{number % 1_000}", "add", 1) for number in range(100_000)):
            seen += batch.ids
            failed |= {result.error.type for result in batch if not result.ok}
            if len(seen) > 20_000 and not killed:
                killed = True
                kill(engine)
        assert sorted(seen) == list(range(100_000))
        assert failed <= {"WorkerDied"}
        assert engine.tally.open == 0


async def test_a_worker_that_comes_back_knows_its_agents_by_number_and_by_name() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 50)
        await engine.spawn("tally", keys=[f"name-{number}" for number in range(50)])
        pids = [kill(engine, worker) for worker in range(2)]
        for worker, pid in enumerate(pids):
            await back(engine, pid, worker)
        addresses = [*(f"tally/{key}" for key in range(50)), *(f"tally/name-{number}" for number in range(50))]
        assert [result.value async for result in engine.map((address, "add", 1) for address in addresses)] == [1] * 100
        with pytest.raises(errors.UnknownAgent):
            await engine.ask("tally/50", "get")


async def test_agents_spawned_while_a_worker_is_away_exist_when_it_comes_back() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 10)
        pid = kill(engine)
        await until(lambda: engine.swarm.seats[0].state == "backoff")
        await engine.spawn("tally", 100)
        await engine.spawn("tally", keys=["one", "two"])
        await back(engine, pid)
        addresses = [*(f"tally/{key}" for key in range(100)), "tally/one", "tally/two"]
        assert [result.value async for result in engine.map((address, "add", 1) for address in addresses)] == [1] * 102


async def test_a_worker_that_dies_again_and_again_stays_down_and_says_so() -> None:
    async with running(
        [
            pool(1),
        ]
    ) as engine:
        await engine.spawn("tally", 10)
        seat = engine.swarm.seats[0]
        for _ in range(RESTARTS + 1):
            await until(lambda: seat.state == "running" and seat.pid is not None)
            kill(engine)
            await until(lambda: seat.state in ("backoff", "down"))
        assert seat.state == "down"
        assert engine.swarm.pools[0].state == "down"
        with pytest.raises(errors.PoolUnavailable, match="is down"):
            await engine.ask("tally/1", "get")
        with pytest.raises(errors.PoolUnavailable):
            await engine.ask("tally", "get")
        assert worker_pids(engine) == []
        assert [event.name for event in engine.events].count("worker.down") == 1


async def test_work_between_deaths_forgives_them() -> None:
    async with running() as engine:
        await engine.spawn("tally", 10)
        seat = engine.swarm.seats[0]
        for _ in range(RESTARTS + 2):
            await until(lambda: seat.state == "running")
            assert await engine.ask("tally/1", "add", 1) == 1
            pid = kill(engine)
            await back(engine, pid)
        assert seat.restarts == RESTARTS + 2


async def test_the_other_workers_do_not_notice() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 100)
        mine = [key for key in range(100) if engine.swarm.placement.worker_of("tally", key)[1] == 1]
        for _ in range(5):
            assert await engine.ask(f"tally/{mine[0]}", "add", 1)
        pid = kill(engine, 0)
        assert await asyncio.gather(*(engine.ask(f"tally/{key}", "add", 1) for key in mine[1:])) == [1] * (len(mine) - 1)
        assert await engine.ask(f"tally/{mine[0]}", "get") == 5
        await back(engine, pid)


@pytest.mark.parametrize("what", ["fail", "exit", "recurse", "stranger", "surrogate", "deep"])
async def test_an_agent_that_misbehaves_fails_alone(what: str) -> None:
    """Also when its task is one of thousands, long after its frame was read."""
    async with running() as engine:
        await engine.spawn("doer", 10)
        await engine.spawn("tally", 10)
        pids = worker_pids(engine)
        with pytest.raises(errors.PoolError):
            await engine.ask("doer/1", "do", what, 400)
        tasks = [("doer/2", "do", what, 252) if number % 1_000 == 999 else ("tally/1", "add", 1) for number in range(5_000)]
        async with asyncio.timeout(5):
            results = [result async for result in engine.map(tasks)]
        assert sum(result.ok for result in results if result.id % 1_000 != 999) == 4_995
        if what != "deep":
            assert not any(result.ok for result in results if result.id % 1_000 == 999)
        assert await engine.ask("doer/1", "do", "ok") == 1
        assert worker_pids(engine) == pids


@pytest.mark.parametrize("levels", [200, 240, 250, 252, 254, 1_000])
async def test_a_nested_value_of_any_depth_is_answered_and_the_next_task_too(levels: int) -> None:
    nested: list[object] = []
    for _ in range(levels):
        nested = [nested]
    async with running() as engine, asyncio.timeout(5):
        await engine.spawn("doer", 2)
        await engine.spawn("book", 2)
        for ask in (lambda: engine.ask("doer/0", "do", "deep", levels), lambda: engine.ask("book/0", "any_value", nested)):
            try:
                await ask()
            except errors.PoolError as refused:
                assert levels > 200, refused
        assert await engine.ask("doer/1", "do", "ok") == 1
        assert await engine.ask("book/1", "show") == [[], {}, []]


@pytest.mark.parametrize(("what", "how"), [("end", "exit status 7"), ("kill", "killed by signal 9")])
async def test_an_agent_that_ends_its_process_is_told_by_how(what: str, how: str) -> None:
    async with running() as engine:
        await engine.spawn("doer", 2)
        with pytest.raises(errors.WorkerDied, match=how):
            await engine.ask("doer/0", "do", what, 7)
        assert await engine.ask("doer/1", "do", "ok") == 1


async def test_stopping_while_a_worker_is_away_answers_what_waits() -> None:
    async with running() as engine:
        await engine.spawn("tally", 2)
        kill(engine)
        await until(lambda: engine.swarm.seats[0].state == "backoff")
        waits = engine.ask("tally/1", "get")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await engine.stop()
        with pytest.raises((errors.PoolError, errors.EngineError)):
            async with asyncio.timeout(5):
                await waits
        assert engine.tally.open == 0


KIND = """
from pathlib import Path
from pools.agent import Agent

{line}

class Fragile(Agent):
    total: int = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total
"""


async def test_a_kind_that_cannot_be_loaded_again_is_named_and_not_tried_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "fragile.py"
    file.write_text(KIND.format(line=""))
    async with running(kinds=[f"{file}:Fragile"]) as engine:
        await engine.spawn("fragile", 4)
        assert await engine.ask("fragile/1", "add", 1) == 1
        file.write_text(KIND.format(line="raise RuntimeError('the library is gone')"))
        kill(engine)
        seat = engine.swarm.seats[0]
        await until(lambda: seat.state != "running")
        await until(lambda: seat.state in ("down", "backoff", "running"))
        await until(lambda: seat.state in ("down", "running"), within_s=10)
        with pytest.raises(errors.PoolError) as refused:
            async with asyncio.timeout(5):
                await engine.ask("fragile/1", "add", 1)
        assert "the library is gone" in str(refused.value) + seat.reason + "".join(event.text for event in engine.events)


async def test_a_worker_that_dies_while_it_loads_its_kinds_again_is_not_started_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "fragile.py"
    file.write_text(KIND.format(line=""))
    async with running(kinds=[f"{file}:Fragile"]) as engine:
        await engine.spawn("fragile", 4)
        file.write_text(KIND.format(line="import os; os._exit(5)"))
        kill(engine)
        seat = engine.swarm.seats[0]
        await until(lambda: seat.state == "down", within_s=15)
        assert seat.restarts <= RESTARTS
        with pytest.raises(errors.PoolUnavailable, match="exit status 5"):
            await engine.ask("fragile/1", "add", 1)


async def test_two_deaths_at_once_are_mended_both() -> None:
    async with running([pool(4)]) as engine:
        await engine.spawn("tally", 200)
        pids = [kill(engine, worker) for worker in (0, 2, 3)]
        for worker, pid in zip((0, 2, 3), pids, strict=True):
            await back(engine, pid, worker)
        assert [result.value async for result in engine.map((f"tally/{key}", "add", 1) for key in range(200))] == [1] * 200


async def test_workers_and_their_agents_outlive_what_they_were_forked_from() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 100)
        assert [await engine.ask(f"tally/{key}", "add", key) for key in range(100)] == list(range(100))
        zygote = engine.swarm._spares.forks_from
        assert zygote is not None
        pids = worker_pids(engine)
        os.kill(zygote, signal.SIGKILL)
        await until(lambda: engine.swarm._spares.forks_from != zygote)
        assert [await engine.ask(f"tally/{key}", "get") for key in range(100)] == list(range(100))
        assert worker_pids(engine) == pids
        await back(engine, kill(engine))
        assert worker_pids(engine)[1] == pids[1]
        kept = [key for key in range(100) if engine.swarm.placement.worker_of("tally", key)[1] == 1]
        assert [await engine.ask(f"tally/{key}", "get") for key in kept] == kept
        assert [event.text for event in engine.events if event.name == "worker.died"] == ["p.0: exit status unknown"]


async def test_everything_killed_at_once_comes_back() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 100)
        zygote = engine.swarm._spares.forks_from
        assert zygote is not None
        pids = worker_pids(engine)
        for pid in (zygote, *pids):
            os.kill(pid, signal.SIGKILL)
        for worker, pid in enumerate(pids):
            await back(engine, pid, worker)
        results = [result async for result in engine.map((f"tally/{key}", "add", 1) for key in range(100))]
        assert all(result.ok for result in results)
