"""The agents of `deadlock`: some ask each other in circles and note when, some only wait long. Times are monotonic nanoseconds,
which all processes of a machine share."""

from __future__ import annotations

import asyncio
import time

from engine import Agent, Context
from engine.errors import Deadlock

__all__ = ["Arc", "Ring"]


class Ring(Agent):
    """Asks others."""

    waits: int = 0

    async def chain(self, rest: list[str], ctx: Context) -> list[list[int | str]]:
        """Ask the first agent to ask the second, and so on: whoever has to give way says so. What each on the way noted."""
        asked_ns = time.monotonic_ns()
        try:
            answer = await ctx.ask(rest[0], "chain", rest[1:])
        except Deadlock as error:
            return [[asked_ns, time.monotonic_ns(), str(error)]]
        return [[asked_ns, 0, ""], *answer]

    async def cross(self, other: str, at_ns: int, ctx: Context) -> list[list[int | str]]:
        """Hold this agent until a moment, then ask another one that is held as well."""
        await asyncio.sleep(max(at_ns - time.monotonic_ns(), 0) / 1e9)
        asked_ns = time.monotonic_ns()
        try:
            await ctx.ask(other, "ping")
        except Deadlock as error:
            return [[asked_ns, time.monotonic_ns(), str(error)]]
        return [[asked_ns, 0, ""]]

    def ping(self) -> int:
        """Answer at once."""
        return 0

    async def nap(self, seconds: float) -> int:
        """Take long, and wait for nobody."""
        await asyncio.sleep(seconds)
        return 1

    async def wait(self, rest: list[str], ctx: Context) -> int:
        """Wait for the end of a chain of agents that wait."""
        return 1 + int(await ctx.ask(rest[0], *(("wait", rest[1:]) if rest[1:] else ("ping",))))

    async def either(self, first: str, second: str, limit_s: float, ctx: Context) -> int:
        """Wait for one of two, or until a time limit."""
        asks = [ctx.ask(first, "ping"), ctx.ask(second, "ping")]
        async with asyncio.timeout(limit_s):
            await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*asks)
        return 1


class Arc(Ring):
    """The same of another kind."""
