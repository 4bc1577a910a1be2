"""The engine's own way of a task is a flow that can be listened to, here and over the socket, and costs nothing unheard."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from engine.errors import TaskFailed
from engine.taskflow import STEPS, TaskFlow
from sprints.listeners import Listeners, Stepped
from sprints.pipe import Pipes
from tests.support.agents import Doer, Tally
from tests.support.processes import pool, running

NAMES = [f"task-execution:{step}" for step in STEPS]


@pytest.fixture(params=["memory", "sync"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    kept: dict[str, Any] = {} if request.param == "memory" else {"data": tmp_path / "data"}
    async with running([pool(2)], (Tally, Doer), durability=request.param, **kept) as engine:
        await engine.spawn(Tally, 10)
        await engine.spawn(Doer, 2)
        yield engine


@pytest.mark.parametrize("whom", [{"agent": "tally/3"}, {"kind": "tally"}])
async def test_a_task_goes_through_the_five_steps_in_order(engine: Engine, whom: dict[str, str]) -> None:
    heard: list[Stepped] = []
    end = engine.subscribe("task-execution:*", heard.append)
    (task,) = await engine.submit([{**whom, "method": "add", "args": [2]}])
    assert await engine.result(task, 20) == 2
    assert [step.name for step in heard] == NAMES
    assert {step.subject for step in heard} == {task}
    assert all(step.error is None for step in heard)
    end()
    await engine.result((await engine.submit([{**whom, "method": "get"}]))[0], 20)
    assert len(heard) == len(NAMES)


async def test_many_tasks_each_go_through_every_step_once_and_a_failure_is_told(engine: Engine) -> None:
    heard: list[Stepped] = []
    engine.subscribe("task-execution:*", heard.append)
    tasks = await engine.submit([{"kind": "tally", "method": "add", "args": [1]} for _ in range(500)])
    for task in tasks:
        await engine.result(task, 20)
    assert Counter((step.name, step.subject) for step in heard) == Counter((name, task) for name in NAMES for task in tasks)
    (bad,) = await engine.submit([{"agent": "doer/0", "method": "do", "args": ["fail"]}])
    with pytest.raises(TaskFailed):
        await engine.result(bad, 20)
    told = [step for step in heard if step.subject == bad]
    assert [step.name for step in told] == NAMES
    assert told[3].error
    assert told[4].error


async def test_unheard_nothing_is_told_or_made(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_facts: Any) -> None:
        raise AssertionError("nobody listens")

    monkeypatch.setattr(Listeners, "tell", refuse)
    monkeypatch.setattr("engine.taskflow.Stepped", refuse)
    engine.subscribe("report:*", print)
    tasks = await engine.submit([{"kind": "tally", "method": "add", "args": [1]} for _ in range(100)])
    assert len([await engine.result(task, 20) for task in tasks]) == 100


async def test_unheard_a_thousand_tasks_ask_for_nothing_but_whether_anybody_listens(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def counted(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*facts: Any) -> Any:
            calls[name] += 1
            return real(*facts)

        monkeypatch.setattr(owner, name, call)

    for name in ("_tell", "_tell_ends"):
        counted(TaskFlow, name)
    for name in ("hears", "tell"):
        counted(Listeners, name)
    for count in (10, 1_000):
        tasks = await engine.submit([{"kind": "tally", "method": "add", "args": [1]} for _ in range(count)])
        assert len([await engine.result(task, 20) for task in tasks]) == count
        assert calls == {}
    end = engine.subscribe("task-execution:checkpoint", lambda _step: None)
    (task,) = await engine.submit([{"kind": "tally", "method": "add", "args": [1]}])
    await engine.result(task, 20)
    assert calls["tell"] == len(NAMES)
    end()
    calls.clear()
    (task,) = await engine.submit([{"kind": "tally", "method": "add", "args": [1]}])
    await engine.result(task, 20)
    assert calls == {}


async def test_a_listener_that_raises_hears_no_more_and_harms_no_task(engine: Engine) -> None:
    def broken(_step: Stepped) -> None:
        raise KeyError("mine")

    engine.subscribe("task-execution:*", broken)
    (task,) = await engine.submit([{"agent": "tally/1", "method": "add", "args": [4]}])
    assert await engine.result(task, 20) == 4
    assert [event.name for event in engine.events if event.name.startswith("listener")] == ["listener.failed"]
    assert not engine.listeners.is_heard


async def test_flows_of_ones_own_are_heard_with_the_engines(engine: Engine) -> None:
    heard: list[str] = []
    engine.subscribe("*:*", lambda step: heard.append(step.name))
    pipes = Pipes(engine.listeners)
    pipes.create("sums", [("ask", lambda number: engine.submit([{"agent": "tally/0", "method": "add", "args": [number]}]))])
    (task,) = await pipes.run("sums", 5)
    assert await engine.result(task, 20) == 5
    assert set(heard) == {*NAMES, "sums:ask"}


async def test_a_client_hears_of_steps_over_the_socket(tmp_path: Path) -> None:
    from engine.client import Client
    from tests.support.commands import commands

    with commands(tmp_path) as command:
        assert command("spawn", "--count", "10").returncode == 0
        async with Client("engine", command.environ) as client:
            steps = await client.subscribe()
            (task,) = await client.submit([{"agent": "counter/1", "method": "add", "args": [2]}])
            assert await client.result(task, 20) == 2
            async with asyncio.timeout(20):
                told = [await anext(steps) for _ in NAMES]
            assert [(step.name, step.subject) for step in told] == [(name, task) for name in NAMES]
            with pytest.raises(ValueError, match="colon"):
                await client.subscribe("task-execution")


def test_a_thread_that_waits_hears_of_them_too(tmp_path: Path) -> None:
    from engine.blockingclient import BlockingClient
    from tests.support.commands import commands

    with commands(tmp_path) as command:
        assert command("spawn", "--count", "10").returncode == 0
        with BlockingClient("engine", command.environ) as client:
            steps = client.subscribe()
            (task,) = client.submit([{"agent": "counter/1", "method": "add", "args": [2]}])
            assert [(step.name, step.subject) for step in islice(steps, len(NAMES))] == [(name, task) for name in NAMES]
