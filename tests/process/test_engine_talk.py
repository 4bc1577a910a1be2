"""Agents speak with agents, in their own worker and in others, and what a failed task said was never said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine import errors
from engine.engine import Engine
from tests.support.processes import pool, running, until


def worker_of(engine: Engine, address: str) -> int:
    """The number of the worker that an agent lives in."""
    kind, _, key = address.partition("/")
    return engine.swarm.placement.worker_of(kind, int(key))[1]


def elsewhere(engine: Engine, kind: str, count: int, worker: int) -> list[str]:
    """Agents of a kind that do not live in a worker."""
    return [address for address in (f"{kind}/{key}" for key in range(count)) if worker_of(engine, address) != worker]


async def comes_to(engine: Engine, address: str, method: str, *arguments: Any, value: Any) -> Any:
    """What an agent answers once it is the value, or in the end."""
    answer = None
    for _ in range(5_000):
        answer = await engine.ask(address, method, *arguments)
        if answer == value:
            break
    return answer


async def test_an_agent_asks_one_of_its_own_worker_and_one_of_another() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 50)
        await engine.spawn("asker", 50)
        await asyncio.gather(*(engine.ask(f"tally/{key}", "add", key) for key in range(50)))
        tasks = [(f"asker/{key}", "ask", f"tally/{(key * 7) % 50}", "get") for key in range(50)]
        assert {worker_of(engine, task[0]) == worker_of(engine, task[2]) for task in tasks} == {True, False}
        results = {result.id: result.value async for result in engine.map(tasks)}
        assert [results[key] for key in range(50)] == [(key * 7) % 50 for key in range(50)]
        assert engine.tally.open == 0


async def test_an_agent_asks_any_agent_of_a_kind() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 50)
        await engine.spawn("asker", 2)
        assert await engine.ask("asker/0", "ask", "tally", "get") == 0


@pytest.mark.parametrize(
    ("address", "method", "arguments", "name"),
    [
        ("tally/99", "get", [], "UnknownAgent"),
        ("nope/1", "get", [], "UnknownKind"),
        ("tally/1", "nope", [], "UnknownMethod"),
        ("tally/1", "add", ["x"], "BadArgument"),
        ("", "get", [], "BadAddress"),
        ("doer/1", "do", ["fail"], "ValueError"),
    ],
)
async def test_a_question_that_fails_fails_the_task_that_asked(
    address: str, method: str, arguments: list[object], name: str
) -> None:
    async with running([pool(2)]) as engine:
        for kind in ("tally", "asker", "doer"):
            await engine.spawn(kind, 4)
        for key in range(4):
            with pytest.raises(errors.PoolError) as refused:
                await engine.ask(f"asker/{key}", "ask", address, method, arguments)
            assert (getattr(refused.value, "type", None) or type(refused.value).__name__) == name


async def test_a_chain_of_questions_through_all_workers_comes_back() -> None:
    async with running([pool(4)]) as engine:
        await engine.spawn("asker", 40)
        await engine.spawn("tally", 1)
        chain = [*(f"asker/{key}" for key in range(1, 40)), "tally/0"]
        assert await engine.ask("asker/0", "chain", chain) == 1


async def test_agents_that_ask_across_full_windows_are_all_answered() -> None:
    """Every task in flight waits for an agent of the other worker, whose window is as full."""
    async with running([pool(2, window=32)]) as engine:
        await engine.spawn("tally", 400)
        await engine.spawn("asker", 400)
        far = [elsewhere(engine, "tally", 400, worker) for worker in range(2)]
        tasks = [(f"asker/{key}", "ask", far[worker_of(engine, f"asker/{key}")][key % 100], "add", [1]) for key in range(400)]
        async with asyncio.timeout(5):
            results = [result async for result in engine.map(tasks)]
        assert len(results) == 400
        assert all(result.ok for result in results)


async def test_a_question_gets_through_while_many_tasks_wait_for_something_slow() -> None:
    async with running([pool(1, window=100)]) as engine:
        await engine.spawn("waiter", 100)
        await engine.spawn("tally", 10)
        slow = [engine.ask(f"waiter/{key}", "forever") for key in range(70)]
        await until(lambda: engine.swarm.seats[0].link.open >= 50)
        async with asyncio.timeout(5):
            assert await engine.ask("tally/1", "add", 1) == 1
        for future in slow:
            future.cancel()
        await engine.stop(grace_s=0)


async def test_a_message_is_heard_in_its_own_worker_and_in_others() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 20)
        await engine.spawn("asker", 20)
        tasks = [(f"asker/{key}", "tell", f"tally/{to}", 1, 3) for key in range(20) for to in range(20)]
        assert sum([result.value async for result in engine.map(tasks)]) == 20 * 20 * 3
        await until(lambda: engine.tally.open == 0)
        for _ in range(2_000):
            totals = [result.value async for result in engine.map((f"tally/{key}", "get") for key in range(20))]
            if sum(totals) == 1_200:
                break
        assert totals == [60] * 20


async def test_messages_from_one_agent_to_another_keep_their_order() -> None:
    async with running([pool(2, window=64)]) as engine:
        await engine.spawn("book", 4)
        await engine.spawn("asker", 4)
        for key in range(4):
            await engine.ask(f"asker/{key}", "tell_order", f"book/{3 - key}", 1_000)
        for key in range(4):
            pages = list(range(1_000))
            assert await comes_to(engine, f"book/{key}", "show", value=[pages, {}, []]) == [pages, {}, []]


async def test_a_failed_task_told_nobody_made_nobody_and_set_no_timer() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 4)
        await engine.spawn("asker", 4)
        for key in range(4):
            with pytest.raises(errors.TaskFailed, match="as told"):
                await engine.ask(f"asker/{key}", "tell_and_fail", f"tally/{key}")
        for key in range(4):
            assert await engine.ask(f"tally/{key}", "get") == 0
            assert await engine.ask(f"asker/{key}", "hear", 0) == 0
        with pytest.raises(errors.UnknownAgent):
            await engine.ask("tally/never", "get")


async def test_a_task_that_sends_too_much_fails_and_is_taken_back() -> None:
    async with running() as engine:
        await engine.spawn("tally", 1)
        await engine.spawn("asker", 1)
        with pytest.raises(errors.OutboxFull, match="10,000 messages"):
            await engine.ask("asker/0", "flood", "tally/0")
        assert await engine.ask("tally/0", "get") == 0


async def test_an_agent_makes_another_and_its_first_message_is_not_lost() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("asker", 20)
        for key in range(20):
            await engine.ask(f"asker/{key}", "make", "tally", f"made-{key}")
        assert [await comes_to(engine, f"tally/made-{key}", "get", value=5) for key in range(20)] == [5] * 20
        assert engine.swarm.placement.count_of("tally") == 20


async def test_an_agent_that_is_made_twice_keeps_its_state() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("asker", 2)
        for key in (0, 1, 0):
            await engine.ask(f"asker/{key}", "make", "tally", "one")
        assert await comes_to(engine, "tally/one", "get", value=15) == 15


async def test_a_spawn_that_is_refused_is_an_event() -> None:
    async with running([pool(1, agents=2)]) as engine:
        await engine.spawn("asker", 2)
        await engine.ask("asker/0", "make", "tally", "too-many")
        await until(lambda: any(event.name == "spawn.refused" for event in engine.events))
        with pytest.raises(errors.PoolError):
            await engine.ask("tally/too-many", "get")


async def test_a_timer_calls_the_agent_back() -> None:
    async with running() as engine:
        await engine.spawn("asker", 2)
        await engine.ask("asker/0", "later", 0, 5)
        await engine.ask("asker/0", "later", 0.01, 7)
        await engine.ask("asker/0", "later", 3_600, 100)
        assert await comes_to(engine, "asker/0", "hear", 0, value=12) == 12


async def test_a_value_that_was_handed_over_is_not_shared() -> None:
    """An agent of the same worker gets a copy, as one of another does."""
    async with running([pool(1)]) as engine:
        await engine.spawn("book", 2)
        await engine.spawn("asker", 1)
        assert await engine.ask("asker/0", "ask", "book/0", "write", [1]) == [1]
        assert await engine.ask("book/0", "write", 2) == [1, 2]


async def test_a_line_for_the_log_comes_out_with_its_agent(capfd: pytest.CaptureFixture[str]) -> None:
    async with running() as engine:
        await engine.spawn("asker", 2)
        await engine.ask("asker/1", "say", "hello from inside")
    shown = capfd.readouterr()
    assert "asker/1 [" in shown.err
    assert "] hello from inside" in shown.err
    assert shown.out == ""
