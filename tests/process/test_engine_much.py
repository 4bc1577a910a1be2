"""What one turn of a worker records is never more than its log holds at once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from pools.agent import Agent
from pools.context import Context
from tests.support.processes import pool, running, until

MILLION = 1_000_000
NAMELESS: dict[str, Any] = {"half a character": "a \udc80", "none": None, "a number": 5, "a list": ["take"]}


def _noise(size: int) -> str:
    """A text that cannot be compressed, but for being hexadecimal."""
    return os.urandom(size // 2).hex()


class Loud(Agent):
    """Has, says and sends much, of which nothing can be compressed."""

    count: int = 0
    text: str = ""

    def say(self, size: int) -> str:
        """Change and answer much."""
        self.count += 1
        return _noise(size)

    async def say_later(self, size: int) -> str:
        """The same after a wait, many in one turn."""
        await asyncio.sleep(0.2)
        return self.say(size)

    async def step(self, size: int, ctx: Context) -> int:
        """Much in a step."""
        await asyncio.sleep(0.2)
        self.count += 1
        return len(await ctx.step("much", _noise, size))

    def keep(self, size: int) -> int:
        """Much of state."""
        self.text = _noise(size)
        self.count += 1
        return self.count

    def send(self, to: str, count: int, size: int, ctx: Context) -> int:
        """Many messages with much in them."""
        self.count += 1
        for _ in range(count):
            ctx.tell(to, "take", _noise(size))
        return self.count

    def name(self, method: str, ctx: Context) -> None:
        """Two messages, of which the second asks for a method that has no name."""
        self.count += 1
        ctx.tell(self.id, "take", "")
        ctx.tell(self.id, NAMELESS[method])

    def alarm(self, method: str, ctx: Context) -> None:
        """A timer for such a method."""
        self.count += 1
        ctx.timer(0, NAMELESS[method])

    def take(self, text: str) -> None:
        """A message arrived."""
        self.count += len(text)

    def get(self) -> int:
        """How often it changed."""
        return self.count


@pytest.mark.parametrize("method", ["say", "say_later", "step", "keep"])
async def test_much_in_one_turn_is_recorded_in_parts_and_costs_no_worker(tmp_path: Path, method: str) -> None:
    size = MILLION // 2 if method == "keep" else MILLION
    async with running([pool(1)], [Loud], durability="sync", data=tmp_path) as engine:
        await engine.spawn(Loud, 100)
        results = [result async for result in engine.map([(f"loud/{key}", method, size) for key in range(100)])]
        assert [result.error for result in results if not result.ok] == []
        assert engine.swarm.seats[0].restarts == 0
    async with running([pool(1)], [Loud], durability="sync", data=tmp_path) as engine:
        assert [await engine.ask(f"loud/{key}", "get") for key in range(100)] == [1] * 100


async def test_a_task_that_sends_more_than_a_record_holds_fails_and_costs_no_worker(tmp_path: Path) -> None:
    async with running([pool(1)], [Loud], durability="sync", data=tmp_path) as engine:
        await engine.spawn(Loud, 3)
        with pytest.raises(errors.OutboxFull, match="bytes"):
            await engine.ask("loud/0", "send", "loud/1", 40, MILLION)
        assert await engine.ask("loud/0", "send", "loud/1", 7, MILLION) == 1
        await until(lambda: engine.stats().messages["tells"] == 7)
        while await engine.ask("loud/1", "get") < 7 * MILLION:
            await asyncio.sleep(0.01)
        assert engine.swarm.seats[0].restarts == 0


@pytest.mark.parametrize("method", list(NAMELESS))
@pytest.mark.parametrize("by", ["name", "alarm"])
async def test_a_message_for_a_method_without_a_name_fails_its_task_which_changes_nothing(
    tmp_path: Path, by: str, method: str
) -> None:
    async with running([pool(1)], [Loud], durability="sync", data=tmp_path) as engine:
        await engine.spawn(Loud, 1)
        with pytest.raises(errors.BadArgument, match="named by text"):
            await engine.ask("loud/0", by, method)
        assert await engine.ask("loud/0", "get") == 0
