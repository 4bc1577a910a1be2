"""The engine's verbs without asyncio, over a real daemon: many threads, loops left early, Ctrl-C, and ends of every sort."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine import BlockingClient
from engine.errors import TaskEnded, UnknownTask
from pools.errors import BadArgument, LinkClosed, TaskExpired, UnknownAgent
from tests.support.commands import ROOT, Commands, commands


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine with counters and agents that wait."""
    with commands(tmp_path_factory.mktemp("blocking")) as made:
        assert made("spawn", "--count", "2000").returncode == 0
        done = made("spawn", "--use", f"{ROOT}/tests/support/agents.py:Waiter", "--count", "10")
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def engine(daemon: Commands) -> Iterator[BlockingClient]:
    with BlockingClient(environ=daemon.environ) as made:
        yield made


def until(claim: Any, within_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_each_verb_returns_its_value(engine: BlockingClient) -> None:
    assert engine.ask("counter/1", "add", 2) == 2
    assert engine.agent("counter", 1).add(3) == 5
    engine.tell("counter/1", "add", 5)
    assert engine.ask("counter/1", "get") == 10
    assert engine.ask("counter/*", "get", reduce="count") == 2_000
    with pytest.raises(UnknownAgent):
        engine.ask("counter/none", "get")
    with pytest.raises(BadArgument):
        engine.ask("counter/1", "add", "x")
    (name,) = engine.submit([{"agent": "counter/2", "method": "add", "args": [7]}])
    assert engine.result(name, 10) == 7
    with pytest.raises(TaskEnded, match="is done"):
        engine.cancel(name)
    assert engine.tasks("done")["tasks"][0]["id"] == name
    assert engine.requeue() == []
    with pytest.raises(UnknownTask):
        engine.result("nothing")
    assert engine.spawn("counter", keys=["a"]).added == 1
    assert engine.remove("counter", ["a"]).removed == 1
    assert engine.stats()["agents"]["total"] == 2_010
    assert {worker["state"] for worker in engine.ps()} == {"running"}
    assert len(engine.pools()) == 2
    assert engine.agents("counter", limit=3)["total"] == 2_000
    assert (engine.quarantine(), "counter" in engine.kinds()) == ([], True)
    assert engine.events(5)
    assert engine.request("hello")["name"] == "engine"
    engine.ready(10)
    with pytest.raises(TaskExpired):
        engine.ask("waiter/1", "wait", 1, timeout_s=0.05)


def test_many_tasks_are_read_no_further_ahead_than_the_window(engine: BlockingClient) -> None:
    read = 0

    def tasks() -> Iterator[tuple[Any, ...]]:
        nonlocal read
        for number in range(50_000):
            read += 1
            yield f"counter/{number % 1_000 + 1_000}", "add", 1

    taken = 0
    for result in engine.map(tasks(), window=500):
        taken += 1
        assert result.ok
        assert read <= taken + 500
    assert taken == 50_000
    assert engine.ask("counter/1500", "get") == 50


def test_results_of_a_slow_source_come_before_its_end(engine: BlockingClient) -> None:
    heard: list[Any] = []
    go_on = threading.Event()

    def tasks() -> Iterator[tuple[Any, ...]]:
        yield "counter/3", "get"
        assert go_on.wait(10)
        while not heard:
            time.sleep(0.02)
            yield "counter/3", "get"

    go_on.set()
    for result in engine.map(tasks()):
        heard.append(result.value)
    assert set(heard) == {0}


def test_a_source_may_use_the_same_client_and_its_errors_come_out(engine: BlockingClient) -> None:
    def tasks() -> Iterator[tuple[Any, ...]]:
        for _ in range(3):
            yield "counter/4", "add", engine.ask("counter/4", "get") + 1
        raise LookupError("as told")

    with pytest.raises(LookupError, match="as told"):
        list(engine.map(tasks()))
    assert list(engine.map([])) == []
    with pytest.raises(ValueError, match="window"):
        next(engine.map([("counter/4", "get")], window=0))


def test_a_loop_that_is_left_takes_back_what_is_not_done(engine: BlockingClient) -> None:
    tasks = [("waiter/2", "wait", 0)] + [("waiter/2", "wait", 30)] * 50
    for result in engine.map(tasks):
        assert result.value == 1
        break
    assert engine.ask("waiter/2", "seen", timeout_s=10) == 1
    results = engine.map_batches([("waiter/2", "wait", 0)] + [("waiter/2", "wait", 30)] * 50)
    assert len(next(results)) == 1
    results.close()
    assert engine.stats()["tasks"]["open"] == 0


def test_the_window_is_filled_before_an_answer_is_waited_for(engine: BlockingClient) -> None:
    read = 0

    def tasks() -> Iterator[tuple[Any, ...]]:
        nonlocal read
        for number in range(4_000):
            read += 1
            yield f"waiter/{number % 4 + 6}", "wait", 1

    results = engine.map_batches(tasks(), window=2_000)
    next(results)
    assert read == 2_000
    results.close()


def test_threads_share_one_client(engine: BlockingClient) -> None:
    def add(number: int) -> int:
        return sum(1 for _ in range(50) if engine.ask(f"counter/{number + 10}", "add", 1))

    with ThreadPoolExecutor(16) as pool:
        mapped = pool.submit(lambda: sum(1 for _ in engine.map(("counter/5", "add", 1) for _ in range(5_000))))
        assert sum(pool.map(add, range(16))) == 800
        assert mapped.result(30) == 5_000
    assert engine.ask("counter/5", "get") == 5_000
    assert engine.ask("counter/12", "get") == 50


async def test_it_works_within_a_loop_that_runs_as_in_a_notebook(daemon: Commands) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(tick())
    await asyncio.sleep(0)
    with BlockingClient(environ=daemon.environ) as engine:
        assert engine.ask("counter/6", "add", 1) == 1
        assert await asyncio.to_thread(engine.ask, "counter/6", "add", 1) == 2
    other.cancel()
    assert ticks > 1


def test_a_thread_that_waits_while_another_closes_hears_of_it(daemon: Commands) -> None:
    engine = BlockingClient(environ=daemon.environ)
    engine.connect()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.ask, "waiter/3", "wait", 30)
        until(lambda: any(agent["status"] == "run" for agent in engine.agents("waiter")["agents"]))
        engine.close()
        engine.close()
        with pytest.raises(LinkClosed):
            waiting.result(10)
    with pytest.raises(LinkClosed):
        engine.stats()
    assert not [one for one in threading.enumerate() if one.name.startswith("engine client")]
    engine.connect()
    assert engine.ask("counter/7", "get") == 0
    engine.close()


def test_an_interruption_takes_the_task_back_and_leaves_the_client_as_it_was(engine: BlockingClient) -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        engine.ask("waiter/4", "wait", 30)
    assert engine.ask("waiter/4", "seen", timeout_s=10) == 0


SCRIPT = """
    from engine import BlockingClient
    engine = BlockingClient()
    engine.connect()
    print(engine.ask("counter/8", "add", 1), flush=True)
    {rest}
"""


@pytest.mark.parametrize(("rest", "code"), [("", 0), ('engine.ask("waiter/5", "wait", 60)', -signal.SIGINT)])
def test_a_script_that_closes_nothing_ends_at_once(daemon: Commands, rest: str, code: int) -> None:
    program = textwrap.dedent(SCRIPT.format(rest=rest))
    words = [sys.executable, "-P", "-W", "error", "-X", "dev", "-c", program]
    process = subprocess.Popen(words, env=daemon.environ, cwd=daemon.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    if code:
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code, said.decode()
    assert b"never" not in said
    assert b"KeyboardInterrupt" in said if code else said == b""


def test_an_engine_that_ends_is_told(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with commands(tmp_path / "other") as other:
        assert other("spawn", "--count", "10").returncode == 0
        with BlockingClient(environ=other.environ, patience_s=0) as engine:
            assert engine.stop()["agents"] == 10
            with pytest.raises(LinkClosed):
                while True:
                    engine.ask("counter/1", "get", timeout_s=10)
