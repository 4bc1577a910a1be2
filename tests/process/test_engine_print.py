"""What agents print is told with their names and those of their tasks: whoever calls print, wherever the agent runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import Engine
from engine.errors import TaskFailed, TaskHung, WorkerDied
from pools.errors import BadArgument
from pools.events import Event
from tests.support.agents import Doer
from tests.support.processes import pool, running, until
from tests.support.talkers import Talker


class Ear:
    """Hears what agents say."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def of(self, agent: str) -> list[str]:
        return [event.text for event in self.events if event.agent == agent]

    def task_of(self, text: str) -> str:
        (found,) = {event.task for event in self.events if event.text == text}
        return found


@asynccontextmanager
async def heard(workers: int = 1, **facts: Any) -> AsyncIterator[tuple[Engine, Ear]]:
    ear = Ear()
    async with running([pool(workers)], kinds=[Talker], on_said=ear.events.append, **facts) as engine:
        await engine.spawn("talker", 20)
        ear.events.clear()
        yield engine, ear


async def test_a_print_is_told_with_agent_worker_and_task_in_the_order_of_each_agent() -> None:
    async with heard(2) as (engine, ear):
        for text in ("one", "two", "three"):
            await asyncio.gather(*(engine.ask(f"talker/{key}", "say", text) for key in range(20)))
        for key in range(20):
            assert ear.of(f"talker/{key}") == ["one", "two", "three"]
        assert {event.worker for event in ear.events} == {"p.0", "p.1"}
        assert {event.pool for event in ear.events} == {"p"}
        assert len({(event.agent, event.task) for event in ear.events}) == 60
        assert {(event.name, event.level) for event in ear.events} == {("agent.print", "info")}


async def test_a_single_ask_and_a_task_without_arguments() -> None:
    async with heard() as (engine, ear):
        await engine.ask("talker/1", "bare")
        await engine.ask("talker/2", "say", "x")
        assert [(event.agent, event.text) for event in ear.events] == [("talker/1", "bare"), ("talker/2", "x")]
        assert all(event.task for event in ear.events)


async def test_functions_libraries_and_standard_error_count_as_the_agents() -> None:
    async with heard() as (engine, ear):
        await engine.ask("talker/1", "ways", "x")
        assert ear.of("talker/1") == ["helper: x", "error: x", "library: x", "written"]
        assert [event.level for event in ear.events] == ["info", "warning", "warning", "info"]


async def test_an_async_method_is_known_after_it_has_waited_and_others_have_spoken() -> None:
    async with heard() as (engine, ear):
        ids = await asyncio.gather(*(engine.ask(f"talker/{key}", "wait", str(key)) for key in range(10)))
        for key in range(10):
            assert ear.of(f"talker/{key}") == [f"before {key}", f"after {key}"]
            assert {event.task for event in ear.events if event.agent == f"talker/{key}"} == {ids[key]}


async def test_tasks_and_threads_that_it_makes_speak_for_it() -> None:
    async with heard() as (engine, ear):
        await asyncio.gather(engine.ask("talker/1", "spread"), engine.ask("talker/2", "spread"))
        for agent in ("talker/1", "talker/2"):
            assert sorted(ear.of(agent)) == ["from a thread", "gathered", "made"]
        assert len({event.task for event in ear.events}) == 2


async def test_threads_of_any_sort_speak_for_who_started_them_or_gave_them_work() -> None:
    kinds = ["thread", "later", "pool", "pool of pool"]
    async with heard() as (engine, ear):
        await asyncio.gather(*(engine.ask(f"talker/{key}", "start_threads", f"{key}") for key in range(10)))
        await asyncio.gather(*(engine.ask(f"talker/{key}", "start_later", f"{key}") for key in range(10, 20)))
        await until(lambda: len(ear.events) >= 90)
        for key in range(20):
            said = [f"{key}: {kind}" for kind in (kinds if key < 10 else [*kinds, "executor"])]
            assert sorted(ear.of(f"talker/{key}")) == sorted(said)
        assert len({(event.agent, event.task) for event in ear.events}) == 20


@pytest.mark.parametrize("is_kept", [False, True])
async def test_the_tasks_name_is_that_of_the_context(is_kept: bool, tmp_path: Path) -> None:
    async with heard(**({"data": tmp_path / "data"} if is_kept else {})) as (engine, ear):
        name = await engine.ask("talker/1", "known", "x")
        assert ear.task_of("x") == ear.task_of("log: x") == name
        await until(lambda: ear.of("talker/9"))
        assert ear.events[0].name == "agent.print"
        assert [event.name for event in ear.events if event.text == "log: x"] == ["agent.log"]
        assert [event.level for event in ear.events if event.text == "hidden"] == ["debug"]


async def test_agents_that_ask_each_other_keep_their_own_names() -> None:
    async with heard() as (engine, ear):
        name = await engine.ask("talker/1", "passes_on", "talker/2")
        assert ear.of("talker/1") == ["asks", "was answered"]
        assert ear.of("talker/2") == ["asked"]
        assert ear.task_of("asks") == ear.task_of("was answered") == name != ear.task_of("asked")


@pytest.mark.parametrize("is_kept", [False, True])
async def test_an_accepted_task_goes_by_its_id_and_what_its_sender_calls_it(is_kept: bool, tmp_path: Path) -> None:
    async with heard(**({"data": tmp_path / "data"} if is_kept else {})) as (engine, ear):
        lines = [{"id": "mine", "agent": "talker/1", "method": "say", "args": ["first"]}, ("talker/2", "say", "second")]
        name, other = await engine.submit(lines)
        await until(lambda: len(ear.events) == 2)
        assert ear.task_of("first") == name
        assert ear.task_of("second") == other
        assert {event.text: event.called for event in ear.events} == {"first": "mine", "second": ""}


async def test_a_task_in_a_process_of_its_own_speaks_too() -> None:
    async with heard() as (engine, ear):
        assert await engine.ask("talker/1", "alone", "x") != os.getpid()
        name = await engine.ask("talker/2", "alone_later", "y")
        assert ear.of("talker/1") == ["alone: x", "unended"]
        assert ear.of("talker/2") == ["later: y", "logged alone"]
        assert {event.task for event in ear.events if event.agent == "talker/2"} == {name}


async def test_who_ends_its_process_or_hangs_has_said_what_it_said() -> None:
    async with heard() as (engine, ear):
        with pytest.raises(WorkerDied):
            await engine.ask("talker/1", "die")
        assert ear.of("talker/1") == ["last words"]
        await until(lambda: engine.swarm.seats[0].state == "running")
        hanging = engine.ask("talker/2", "hang")
        await until(lambda: ear.of("talker/2"), 5)
        assert not hanging.done()
        with pytest.raises(TaskHung):
            await hanging


async def test_a_failure_is_told_with_who_failed() -> None:
    async with heard() as (engine, ear):
        with pytest.raises(TaskFailed):
            await engine.ask("talker/3", "fail")
        printed, failed = ear.events
        assert (printed.text, failed.name, failed.level) == ("fails", "task.failed", "error")
        assert (failed.agent, failed.task) == ("talker/3", printed.task)
        assert "ValueError: as told" in failed.text


async def test_what_a_module_prints_when_it_is_loaded_is_the_workers() -> None:
    ear = Ear()
    async with running(kinds=[Talker], on_said=ear.events.append) as engine:
        await engine.spawn("talker", 1)
        loaded = [event for event in ear.events if event.text == "talkers are imported"]
        assert loaded
        assert {(event.agent, event.task, event.worker) for event in loaded} == {("", "", "p")}


async def test_what_is_written_past_the_interpreter_is_nobodys() -> None:
    async with heard() as (engine, ear):
        await engine.ask("talker/1", "run_program")
        await until(lambda: ear.events)
        (event,) = ear.events
        assert (event.name, event.agent, event.text) == ("worker.output", "", "past the interpreter")


async def test_many_lines_at_once_are_all_there_in_order() -> None:
    async with heard() as (engine, ear):
        await asyncio.gather(*(engine.ask(f"talker/{key}", "many", 2_000) for key in range(5)))
        await until(lambda: len(ear.events) == 10_000)
        for key in range(5):
            assert ear.of(f"talker/{key}") == [str(number) for number in range(2_000)]


async def test_without_anybody_to_tell_it_is_written_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    async with running(kinds=[Talker]) as engine:
        await engine.spawn("talker", 2)
        name = await engine.ask("talker/1", "wait", "x")
    shown = capfd.readouterr()
    assert f"talker/1 [{name}] before x\ntalker/1 [{name}] after x\n" in shown.err
    assert shown.out == ""


async def test_a_level_that_there_is_not_is_refused() -> None:
    async with running(kinds=[Doer, Talker]):
        pass
    with pytest.raises(BadArgument, match="debug, info, warning, error"):
        from pools.context import Context

        Context.log(None, "x", level="off")  # type: ignore[arg-type]
