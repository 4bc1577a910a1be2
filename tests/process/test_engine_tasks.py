"""Thousands of agents in several worker processes answer what they are asked, each task once and in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
import uvloop

from engine import errors
from engine.engine import Engine
from tests.support.agents import Tally
from tests.support.processes import pool, running, until

AGENTS = 5_000


@pytest.mark.parametrize("workers", [2, 4])
async def test_five_thousand_agents_over_several_workers_answer_every_task_once(workers: int, chance: Random) -> None:
    async with running([pool(workers)]) as engine:
        spawned = await engine.spawn(Tally, AGENTS)
        assert (spawned.total, spawned.added, spawned.workers) == (AGENTS, AGENTS, workers)
        tasks = [(f"tally/{chance.randrange(AGENTS)}", "add", chance.randrange(10)) for _ in range(20_000)]
        results = [result async for result in engine.map(tasks)]
        assert sorted(result.id for result in results) == list(range(len(tasks)))
        assert all(result.ok for result in results)
        totals: Counter[str] = Counter()
        for address, _, x in tasks:
            totals[address] += x
        got = {result.id: result.value async for result in engine.map((f"tally/{key}", "get") for key in range(AGENTS))}
        assert got == {key: totals[f"tally/{key}"] for key in range(AGENTS)}
        assert engine.tally.as_dict() == {
            "accepted": 25_000,
            "done": 25_000,
            "failed": 0,
            "cancelled": 0,
            "expired": 0,
            "open": 0,
        }
        pids = {(await engine.ask(f"tally/{key}", "where"))[0] for key in range(200)}
        assert len(pids) == workers


async def test_tasks_of_one_sender_to_one_agent_run_in_order(chance: Random) -> None:
    async with running([pool(2, window=64)]) as engine:
        await engine.spawn(Tally, 10)
        tasks = [(f"tally/{chance.randrange(10)}", "add", 1) for _ in range(5_000)]
        seen: Counter[str] = Counter()
        expected = []
        for address, _, _ in tasks:
            seen[address] += 1
            expected.append(seen[address])
        results = {result.id: result.value async for result in engine.map(tasks)}
        assert [results[number] for number in range(len(tasks))] == expected


async def test_every_form_of_a_task_is_taken_and_keeps_its_id() -> None:
    async with running() as engine:
        await engine.spawn("tally", 10)
        tasks: list[Any] = [
            ("tally/1", "add", 5),
            {"agent": "tally/1", "method": "get"},
            {"id": "mine", "agent": "tally/2", "method": "add", "args": [3]},
            {"id": 7, "agent": "tally/2", "method": "add", "args": {"x": 4}},
            {"kind": "tally", "method": "get"},
            ("tally", "get"),
        ]
        results = {result.id: result async for result in engine.map(tasks)}
        assert sorted(map(str, results)) == sorted(["0", "1", "mine", "7", "4", "5"])
        assert [results[name].value for name in (0, 1, "mine", 7)] == [5, 5, 3, 7]
        assert results[4].ok
        assert results[5].ok


async def test_a_wrong_task_is_answered_by_name_and_the_others_are_done() -> None:
    async with running() as engine:
        await engine.spawn("tally", 10)
        tasks: list[Any] = [
            ("tally/1", "add", 1),
            ("tally/99", "add", 1),
            ("nope/1", "add", 1),
            ("tally/1", "nope"),
            ("tally/1", "add", "x"),
            ("tally/1", "add", float("nan")),
            ("tally/1", "add", 2**70),
            ("tally/1", "add", {1}),
            ("tally",),
            "text",
            {"agent": "tally/1", "method": "get", "nope": 1},
            (5, "get"),
            (["tally/1"], "get"),
            ("tally/1", 5),
            ("tally/1", ["get"]),
            ("tally/1", "add", 1),
        ]
        results = {result.id: result async for result in engine.map(tasks)}
        assert sorted(results) == list(range(len(tasks)))
        assert [results[0].value, results[15].value] == [1, 2]
        named = [results[number].error.type for number in range(1, 15)]
        assert named[:7] == [
            "UnknownAgent",
            "UnknownKind",
            "UnknownMethod",
            "BadArgument",
            "BadArgument",
            "BadArgument",
            "BadArgument",
        ]
        assert set(named[7:]) <= {"BadArgument", "BadAddress", "UnknownMethod"}
        assert engine.tally.open == 0


async def test_an_async_source_is_read_as_there_is_room() -> None:
    read = 0

    async def source() -> AsyncIterator[tuple[str, str, int]]:
        nonlocal read
        for number in range(2_000):
            read += 1
            yield (f"tally/{number % 10}", "add", 1)

    async with running() as engine:
        await engine.spawn("tally", 10)
        most = 0
        taken = 0
        async for batch in engine.map_batches(source(), window=50):
            most = max(most, read - taken)
            taken += len(batch)
        assert taken == read == 2_000
        assert most <= 100


async def test_a_plain_source_is_read_as_there_is_room() -> None:
    read = 0

    def source() -> Any:
        nonlocal read
        while True:
            read += 1
            yield ("tally/1", "add", 1)

    async with running() as engine:
        await engine.spawn("tally", 10)
        taken = 0
        async for batch in engine.map_batches(source(), window=100):
            taken += len(batch)
            assert read - taken <= 200
            if taken > 1_000:
                break


async def test_a_source_that_raises_ends_the_map_with_its_error() -> None:
    def source() -> Any:
        yield ("tally/1", "add", 1)
        raise KeyError("the source broke")

    async def async_source() -> AsyncIterator[Any]:
        yield ("tally/1", "add", 1)
        raise KeyError("the source broke")

    async with running() as engine:
        await engine.spawn("tally", 10)
        for broken in (source(), async_source()):
            with pytest.raises(KeyError, match="the source broke"):
                async for _ in engine.map(broken):
                    pass
        await until(lambda: engine.tally.open == 0)
        assert await engine.ask("tally/2", "get") == 0


async def test_leaving_a_map_early_cancels_the_rest() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("waiter", 100)
        await engine.spawn("tally", 100)
        tasks = [("tally/1", "add", 1), *((f"waiter/{key}", "forever") for key in range(100))]
        async for result in engine.map(tasks):
            assert result.value == 1
            break
        await until(lambda: engine.tally.open == 0)
        assert engine.tally.as_dict()["cancelled"] == 100
        assert await engine.ask("waiter/5", "seen") == 0


async def test_a_map_that_is_left_before_its_tasks_began_leaves_nobody_busy() -> None:
    async with running() as engine:
        await engine.spawn("waiter", 100)
        for _ in range(5):
            results = engine.map_batches([(f"waiter/{key}", "forever") for key in range(100)])
            reader = asyncio.ensure_future(anext(results))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            reader.cancel()
            await asyncio.wait([reader])
            await results.aclose()
        assert engine.tally.open == 0
        assert [result.value async for result in engine.map((f"waiter/{key}", "seen") for key in range(100))] == [0] * 100


async def test_asks_of_many_coroutines_get_their_own_answers() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", AGENTS)

        async def one(key: int) -> list[int]:
            return [await engine.ask(f"tally/{key}", "add", key) for _ in range(5)]

        answers = await asyncio.gather(*(one(key) for key in range(1_000)))
        assert answers == [[key * step for step in range(1, 6)] for key in range(1_000)]


async def test_an_agent_can_be_called_as_if_it_were_here() -> None:
    async with running() as engine:
        await engine.spawn(Tally, 10)
        agent = engine.agent(Tally, 3)
        assert await agent.add(4) == 4
        assert await agent.add(x=5) == 9
        with pytest.raises(errors.BadArgument, match="x must be int"):
            await agent.add("x")


async def test_a_tell_is_done_and_its_failure_is_an_event() -> None:
    async with running() as engine:
        await engine.spawn("tally", 10)
        engine.tell("tally/1", "add", 5)
        engine.tell("tally/1", "add", "x")
        await until(lambda: engine.tally.open == 0)
        assert await engine.ask("tally/1", "get") == 5
        assert [event.name for event in engine.events if event.name == "tell.failed"] == ["tell.failed"]
        assert engine.tally.failed == 1


async def test_a_task_that_takes_too_long_for_its_caller_expires_and_is_counted_so() -> None:
    async with running() as engine:
        await engine.spawn("waiter", 10)
        with pytest.raises(errors.TaskExpired, match=r"waiter/1 forever: no answer within 0\.05 s"):
            await engine.ask("waiter/1", "forever", timeout_s=0.05)
        await until(lambda: engine.tally.open == 0)
        assert engine.tally.as_dict() == {"accepted": 1, "done": 0, "failed": 0, "cancelled": 0, "expired": 1, "open": 0}
        assert await engine.ask("waiter/1", "seen") == 0


async def test_arguments_by_place_and_by_name_do_not_mix_in_silence() -> None:
    async with running() as engine:
        await engine.spawn("tally", 1)
        assert await engine.ask("tally/0", "pair", 1, 2) == await engine.ask("tally/0", "pair", y=2, x=1) == [1, 2]
        try:
            value = await engine.ask("tally/0", "pair", 1, y=2)
        except (errors.BadArgument, TypeError):
            return
        assert value == [1, 2]


async def test_json_values_go_and_come_back_as_they_were() -> None:
    async with running() as engine:
        await engine.spawn("book", 1)
        for value in (None, True, -(2**63), 2**64 - 1, 1.5, "é\0\U0001f600", [], {}, {"a": [{"b": None}]}, "x" * 100_000):
            back = await engine.ask("book/0", "any_value", value)
            assert back == value
            assert type(back) is type(value)


@pytest.mark.parametrize("size", [1_000_000, 3_000_000])
async def test_large_values_go_in_many_frames(size: int) -> None:
    async with running() as engine:
        await engine.spawn("book", 20)
        text = "x" * size
        results = [result async for result in engine.map((f"book/{key}", "any_value", text) for key in range(20))]
        assert all(result.value == text for result in results)


async def test_a_value_or_argument_past_its_limit_is_refused_alone() -> None:
    async with running() as engine:
        await engine.spawn("book", 5)
        await engine.spawn("doer", 5)
        with pytest.raises(errors.FrameTooLarge):
            await engine.ask("book/0", "any_value", "x" * (17 * 1024 * 1024))
        with pytest.raises(errors.BadReply, match="an answer holds 4,194,304"):
            await engine.ask("doer/0", "do", "long", 5_000_000)
        assert await engine.ask("doer/0", "do", "ok") == 1


async def test_a_reply_is_what_it_was_when_the_task_ended() -> None:
    async with running() as engine:
        await engine.spawn("book", 2)
        tasks = [("book/1", "write", 1), ("book/1", "write", 2), ("book/1", "spoil", 3), ("book/1", "write", 4)]
        results = {result.id: result async for result in engine.map(tasks)}
        assert results[0].value == [1]
        assert results[1].value == [1, 2]
        assert results[2].error.type == "ValueError"
        assert results[3].value == [1, 2, 4]
        assert await engine.ask("book/1", "show") == [[1, 2, 4], {}, []]


def test_the_engine_runs_on_either_loop() -> None:
    async def main() -> tuple[int, str]:
        async with running([pool(2)]) as engine:
            await engine.spawn("tally", 100)
            await engine.spawn("doer", 1)
            done = sum([result.ok async for result in engine.map((f"tally/{key}", "add", 1) for key in range(100))])
            return done, await engine.ask("doer/0", "do", "loop")

    assert asyncio.run(main()) == (100, "uvloop")
    assert uvloop.run(main()) == (100, "uvloop")


async def test_a_stopped_engine_says_so() -> None:
    engine = Engine(kinds=[Tally], pools=[pool()])
    with pytest.raises(errors.EngineStopped):
        await engine.ask("tally/1", "get")
    async with engine:
        await engine.spawn("tally", 5)
        assert await engine.ask("tally/1", "get") == 0
    for _ in range(2):
        with pytest.raises(errors.EngineStopped):
            await engine.ask("tally/1", "get")
        with pytest.raises(errors.EngineStopped):
            await engine.spawn("tally", 6)
    await engine.stop()
