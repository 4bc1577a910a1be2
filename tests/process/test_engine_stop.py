"""Nothing is left behind: no process, no descriptor, whatever way the engine ends."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.engine import GRACE_S, Engine
from pools.swarm import CLOSE_S
from tests.support.agents import Doer, Tally
from tests.support.processes import ALL, children, descriptors, ended_within, is_alive, pool, running, until, worker_pids

ROOT = Path(__file__).resolve().parents[2]

#: A process that holds an engine, says which workers it has, asks one task, and waits.
HOLDER = """
import asyncio, sys
from engine.engine import Engine
from pools.spec import PoolSpec
from tests.support.agents import Doer, Tally

async def main():
    async with Engine(kinds=[Doer, Tally], pools=[PoolSpec("p", workers=2)]) as engine:
        await engine.spawn("doer", 10)
        for key in range(10):
            await engine.ask(f"doer/{key}", "do", "ok")
        what = sys.argv[1]
        if what != "nothing":
            for key in range(10):
                engine.tell(f"doer/{key}", "do", what, 1000)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            while not all(seat.cells[1] for seat in engine.swarm.seats):
                await asyncio.sleep(0.001)
        print(*(seat.pid for seat in engine.swarm.seats), flush=True)
        await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


def targets(entries: set[str]) -> set[str]:
    """What is open, without the numbers."""
    return {entry.split()[1] for entry in entries}


async def no_descriptor_but(before: set[str], view: Callable[[set[str]], set[str]] = set) -> None:
    """Nothing else is open, as soon as a thread has let go of what it did last."""

    def is_so() -> bool:
        gc.collect()
        return view(descriptors()) == view(before)

    with suppress(TimeoutError):
        await until(is_so, 5.0)
    assert view(descriptors()) == view(before)


@contextmanager
def holder(what: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that holds an engine whose agents do something, and the pids of its workers."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, what],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    try:
        assert len(pids) == 2
        yield process, pids
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for pid in pids:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("what", ["nothing", "hang", "stall"])
def test_workers_are_gone_within_a_second_when_the_process_that_holds_the_engine_is_killed(what: str) -> None:
    with holder(what) as (process, pids):
        process.kill()
        process.wait()
        began_s = time.monotonic()
        assert ended_within(pids, 1.0), [pid for pid in pids if is_alive(pid)]
        assert time.monotonic() - began_s < 1.0


@pytest.mark.parametrize("what", ["nothing", "hang"])
def test_workers_are_gone_too_when_what_they_were_forked_from_was_killed_before(what: str) -> None:
    with holder(what) as (process, pids):
        (zygote,) = children(process.pid)
        os.kill(zygote, signal.SIGKILL)
        assert ended_within([zygote], 5.0)
        assert all(map(is_alive, pids))
        process.kill()
        process.wait()
        assert ended_within(pids, 1.0), [pid for pid in pids if is_alive(pid)]


@pytest.mark.parametrize("what", ["nothing", "hang"])
def test_ctrl_c_ends_the_engine_and_its_workers(what: str) -> None:
    with holder(what) as (process, pids):
        process.send_signal(signal.SIGINT)
        assert ended_within([process.pid, *pids], GRACE_S + CLOSE_S + 3.0)  # less than two of the first


async def test_a_stopped_engine_leaves_no_process_and_no_descriptor() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 10)
    gc.collect()
    before, processes = descriptors(), children()
    for _ in range(3):
        async with running([pool(2)]) as engine:
            await engine.spawn("tally", 10)
            assert await engine.ask("tally/1", "get") == 0
            pids = worker_pids(engine)
        assert not any(map(is_alive, pids))
    del engine
    assert children() == processes
    await no_descriptor_but(before)


async def test_an_engine_whose_workers_died_leaves_no_descriptor() -> None:
    async with running() as engine:
        await engine.spawn("doer", 2)
    gc.collect()
    before = descriptors()
    async with running([pool(2)]) as engine:
        await engine.spawn("doer", 40)
        for key in range(3):
            with pytest.raises(errors.WorkerDied):
                await engine.ask(f"doer/{key}", "do", "kill")
            assert await engine.ask(f"doer/{key}", "do", "ok") == 1
    del engine
    await no_descriptor_but(before)


async def test_an_engine_that_could_not_start_leaves_no_process_and_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    gc.collect()
    before, processes = descriptors(), children()
    for _ in range(2):
        with pytest.raises(errors.KindNotLoaded):
            async with Engine(kinds=[f"{tmp_path}/broken.py:Mine"], pools=[pool(2)]):
                pass
    assert children() == processes
    await no_descriptor_but(before, targets)


async def test_an_interpreter_that_cannot_start_is_told_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = children()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(errors.StartFailed, match="could not be started"):
        async with Engine(kinds=[Tally], pools=[pool(2)]):
            pass
    assert children() == processes


async def test_a_worker_that_dies_at_its_first_start_fails_the_start() -> None:
    processes = children()
    with open(os.devnull, "wb") as output, pytest.raises((errors.StartFailed, errors.WorkerDied)):  # noqa: PTH123
        async with (
            asyncio.timeout(20),
            Engine(
                kinds=[Tally], pools=[pool(2)], environ={**os.environ, "PYTHONHOME": "/no/such/place"}, output=output.fileno()
            ),
        ):
            pass
    assert children() == processes


async def test_a_worker_that_hangs_is_killed_after_the_grace() -> None:
    engine = Engine(kinds=ALL, pools=[pool(2)])
    await engine.start()
    await engine.spawn("doer", 10)
    stuck = [engine.ask(f"doer/{key}", "do", "hang") for key in range(10)]
    pids = worker_pids(engine)
    await asyncio.sleep(0)
    await engine.stop(grace_s=0.2)
    assert not any(map(is_alive, pids))
    for future in stuck:
        with pytest.raises((errors.WorkerDied, errors.EngineStopped, errors.PoolUnavailable)):
            await future
    assert engine.tally.open == 0


async def test_stopping_lets_open_tasks_end() -> None:
    engine = Engine(kinds=ALL, pools=[pool(2)])
    await engine.start()
    await engine.spawn("waiter", 10)
    open_ = [engine.ask(f"waiter/{key}", "wait", 0.05) for key in range(10)]
    await asyncio.sleep(0)
    await engine.stop()
    assert await asyncio.gather(*open_) == [1] * 10


async def test_stopping_without_grace_answers_every_open_task() -> None:
    engine = Engine(kinds=ALL, pools=[pool(2, window=20)])
    await engine.start()
    await engine.spawn("waiter", 100)
    open_ = [engine.ask(f"waiter/{key}", "forever") for key in range(100)]
    await asyncio.sleep(0)
    await engine.stop(grace_s=0)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*open_, return_exceptions=True)
    assert all(isinstance(outcome, (errors.PoolError, errors.EngineError)) for outcome in outcomes)
    assert engine.tally.open == 0


async def test_an_error_in_the_callers_block_ends_the_engine() -> None:
    pids: list[int] = []
    with pytest.raises(KeyError, match="mine"):
        async with Engine(kinds=[Doer], pools=[pool()]) as engine:
            pids = worker_pids(engine)
            raise KeyError("mine")
    assert pids
    assert not any(map(is_alive, pids))


async def test_the_engine_can_be_used_twice() -> None:
    engine = Engine(kinds=[Tally], pools=[pool()])
    for _ in range(2):
        async with engine:
            await engine.spawn("tally", 2)
            assert await engine.ask("tally/1", "add", 1) == 1


async def test_a_worker_inherits_nothing_but_its_socket_and_the_gauges() -> None:
    secret = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        async with running() as engine:
            await engine.spawn("doer", 1)
            opened: list[Any] = await engine.ask("doer/0", "do", "descriptors")
        assert not any("hostname" in target for target in opened)
    finally:
        os.close(secret)


async def test_signals_for_the_terminals_group_do_not_reach_the_workers() -> None:
    async with running() as engine:
        (pid,) = worker_pids(engine)
        assert os.getpgid(pid) != os.getpgid(0)
        os.kill(pid, signal.SIGINT)
        await engine.spawn("tally", 1)
        assert await engine.ask("tally/0", "add", 1) == 1
        assert worker_pids(engine) == [pid]
