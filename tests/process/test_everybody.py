"""All agents of a kind in one question, over real workers, in process and through the socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.client import Client
from engine.engine import Engine
from engine.errors import KindNotLoaded, NotAll
from pools.errors import BadArgument, TaskFailed, UnknownKind
from tests.support.agents import Tally, Waiter
from tests.support.commands import commands
from tests.support.processes import pool, running


class Plain:
    """No agent."""


async def test_ranges_and_names_in_all_pools_are_asked_and_nobody_else() -> None:
    async with running([pool(2), replace(pool(), name="q")]) as engine:
        await engine.spawn(Tally, 5_000)
        await engine.spawn(Tally, keys=["a", "b"])
        await engine.spawn(Waiter, 7)
        assert await engine.ask("tally/*", "add", 2, reduce="count") == 5_002
        await engine.remove(Tally, [0, "a"])
        await engine.ask("tally/7", "add", 40)
        assert await engine.ask("tally/*", "get", reduce="sum") == 2 * 5_000 + 40
        assert await engine.ask("tally/*", "get", reduce="max") == 42
        assert await engine.ask("tally/*", "get", reduce="min") == 2
        assert await engine.ask("tally/*", "get", reduce="mean") == pytest.approx(2.008)
        listed = await engine.ask("tally/*", "get", reduce="list")
        assert (len(listed), listed[6], listed.count(2)) == (5_000, 42, 4_999)
        assert await engine.ask("tally/*", "pair", reduce="count", x=1, y=2) == 5_000
        tasks = engine.stats().tasks
        assert tasks["accepted"] == tasks["done"]


async def test_a_kind_without_agents_has_a_sum_and_one_that_is_not_there_has_none() -> None:
    async with running() as engine:
        assert await engine.ask("tally/*", "get", reduce="sum") == 0
        with pytest.raises(UnknownKind, match="nobody"):
            await engine.ask("nobody/*", "get", reduce="sum")
        with pytest.raises(BadArgument, match="reduce"):
            await engine.ask("tally/*", "get")


async def test_some_that_fail_are_counted_while_all_others_do_their_task() -> None:
    async with running() as engine:
        await engine.spawn("doer", 10)
        with pytest.raises(TaskFailed, match=r"as told \(doer/0; 10 of 10 agents failed") as caught:
            await engine.ask("doer/*", "do", "fail", reduce="sum")
        assert isinstance(caught.value.__cause__, NotAll)
        outcome = await engine.ask("doer/*", "do", "surrogate", reduce="count", on_error="skip")
        assert (outcome.value, outcome.failed, outcome.failures) == (0, 10, {"ValueError": 10})


async def test_a_late_agent_is_taken_back_and_the_others_count() -> None:
    async with running() as engine:
        await engine.spawn(Waiter, 3)
        stuck = engine.ask("waiter/1", "wait", 60)
        outcome = await engine.ask("waiter/*", "wait", 0, reduce="sum", on_error="skip", timeout_s=1)
        assert (outcome.value, outcome.failures) == (2, {"TaskExpired": 1})
        stuck.cancel()


async def test_what_is_no_agent_class_is_told_so() -> None:
    for kinds in ([Plain], Plain, [3], "plain:Plain"):
        with pytest.raises(KindNotLoaded, match=r"no agent class|list of classes"):
            Engine(kinds=kinds)  # type: ignore[arg-type]
    async with running() as engine:
        for verb in (engine.spawn(Plain, 1), engine.remove(Plain, [1])):  # type: ignore[arg-type]
            with pytest.raises(KindNotLoaded, match=r"Plain is no agent class: write class Plain\(Agent\)"):
                await verb
        with pytest.raises(KindNotLoaded):
            engine.agent(Plain, 1)  # type: ignore[arg-type]


async def through_a_client(environ: dict[str, str]) -> list[Any]:
    async with Client(environ=environ) as client:
        answers = [await client.ask("counter/*", "add", 3, reduce=way) for way in ("sum", "count", "mean")]
        await client.spawn("counter", keys=["x"])
        client.tell("counter/*", "add", 1, reduce="count")
        answers.append(await client.ask("counter/*", "get", reduce="sum"))
        with pytest.raises(UnknownKind):
            await client.ask("nobody/*", "get", reduce="sum")
        return answers


def test_the_command_line_and_a_client_ask_everybody(tmp_path: Path) -> None:

    with commands(tmp_path) as engine:
        assert engine("spawn", "--count", "3000").returncode == 0
        assert asyncio.run(through_a_client(engine.environ)) == [9_000, 3_000, 9.0, 30_001]
        assert engine("ask", "counter/*", "get", "--reduce", "sum").stdout == "30001\n"
        done = engine("ask", "counter/*", "add", '"x"', "--reduce", "sum")
        assert (done.returncode, "3,001 of 3,001 agents failed" in done.stderr) == (2, True), done.stderr
        skipped = engine.document("ask", "counter/*", "get", "--reduce", "max", "--on-error", "skip")
        counts = {"asked": 3_001, "answered": 3_001, "failed": 0, "failures": {}, "first": None}
        asked = {"agent": "counter/*", "method": "get"}
        assert skipped == {"schema": "engine.ask/v1", **asked, "value": 10, **counts}
        for words in (
            ("counter/*", "get"),
            ("counter/1", "get", "--reduce", "sum"),
            ("counter/*", "get", "--reduce", "median"),
            ("counter/*", "get", "--reduce", "list", "--limit", "10"),
            ("counter/*", "add", '{"limit": 1}', "--named", "--reduce", "sum"),
        ):
            done = engine("ask", *words)
            assert (done.returncode, done.stdout) == (2, ""), words
