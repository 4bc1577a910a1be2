"""Agents that ask each other in circles, and some that only take long."""

from __future__ import annotations

import asyncio
from typing import Any

from pools.agent import Agent
from pools.context import Context
from pools.errors import Deadlock
from pools.method import task

__all__ = ["Arc", "Lone", "Ring"]


async def _held(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "held"


class Ring(Agent):
    """Asks along a chain: each agent asks the next for the rest of it."""

    count: int = 0
    seen: list[str]

    async def ask(self, chain: list[str], ctx: Context, hold_s: float = 0.0) -> int:
        """Count, hold the agent for a while, then ask the next; returns how many were asked."""
        self.count += 1
        if hold_s:
            await asyncio.sleep(hold_s)
        if not chain:
            return 1
        return 1 + int(await ctx.ask(chain[0], "ask", chain[1:]))

    async def careful(self, chain: list[str], ctx: Context, hold_s: float = 0.0) -> str:
        """The same, but a deadlock is no failure."""
        await asyncio.sleep(hold_s)
        try:
            return str(await ctx.ask(chain[0], "ask", chain[1:]))
        except Deadlock as error:
            self.seen.append("deadlock")
            return str(error)

    async def several(self, how: str, chains: list[list[str]], ctx: Context, hold_s: float = 0.0) -> Any:
        """Ask along several chains at once, and wait for them in one way or another."""
        self.count += 1
        await asyncio.sleep(hold_s)
        asks = [ctx.ask(chain[0], "ask", chain[1:]) if len(chain) != 1 else ctx.ask(chain[0], "nap", 0.6) for chain in chains]
        if how == "gather":
            return await asyncio.gather(*asks)
        if how == "first":
            done, _ = await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
            return [one.result() for one in done]
        if how == "all":
            done, _ = await asyncio.wait(asks)
            return [one.result() for one in done]
        if how == "completed":
            return [await one for one in asyncio.as_completed(asks)]
        if how == "shield":
            return await asyncio.shield(asks[0])
        if how == "group":
            async with asyncio.TaskGroup() as group:
                made = [group.create_task(_awaits(ask)) for ask in asks]
            return [one.result() for one in made]
        if how == "later":  # asked now, waited for when something else is over
            await asyncio.sleep(0.5)
            return await asks[0]
        if how == "never":
            await asyncio.sleep(0.5)
            return "not awaited"
        if how == "limit":
            try:
                async with asyncio.timeout(0.5):
                    return await asks[0]
            except TimeoutError:
                return "in time"
        if how == "wait_for":
            try:
                return await asyncio.wait_for(asks[0], 0.5)
            except TimeoutError:
                return "in time"
        raise ValueError(how)

    @task(max_run_s=30)
    async def apart(self, chain: list[str], ctx: Context, hold_s: float = 0.0) -> int:
        """The same as `ask`, in a process of its own."""
        self.count += 1
        await asyncio.sleep(hold_s)
        return 1 + int(await ctx.ask(chain[0], "ask", chain[1:]))

    async def stepping(self, chain: list[str], path: str, ctx: Context, hold_s: float = 0.0) -> int:
        """Take a step that leaves a line in a file, hold, then ask."""
        await ctx.step("line", _line, path)
        await asyncio.sleep(hold_s)
        return 1 + int(await ctx.ask(chain[0], "ask", chain[1:]))

    async def nap(self, seconds: float) -> str:
        """Take long, and wait for nobody."""
        return await _held(seconds)

    def counted(self) -> int:
        """How many tasks of it have succeeded."""
        return self.count

    def handled(self) -> list[str]:
        """What it made the best of."""
        return self.seen


class Arc(Ring):
    """The same of another kind."""


class Lone(Ring):
    """The same of a kind with one agent only."""


async def _awaits(ask: Any) -> Any:
    return await ask


def _line(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - one write, appended
        file.write("step\n")
