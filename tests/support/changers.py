"""Agents whose tasks change what they are told to, and nothing else, so that it can be counted."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from pools.agent import Agent
from pools.context import Context
from pools.errors import PoolError, UnknownAgent
from pools.log import Log
from pools.method import task
from pools.table import Table

__all__ = ["Changer", "Scale"]


class Scale(Agent):
    """The lightest: two numbers."""

    weight: int = 0
    share: float = 0.0

    def put(self, weight: int) -> int:
        """Set the one."""
        self.weight = weight
        return self.weight

    def both(self, weight: int, share: float) -> None:
        """Set both."""
        self.weight, self.share = weight, share

    def look(self) -> list[float]:
        """Change nothing."""
        return [self.weight, self.share]

    def fail(self) -> None:
        """Change something, and fail."""
        self.weight = -1
        raise ValueError("as told")

    async def later(self, weight: int) -> int:
        """The same as `put`, after a moment."""
        await asyncio.sleep(0.02)
        return self.put(weight)

    @task(max_run_s=30)
    def alone(self, weight: int) -> int:
        """The same in a process of its own."""
        return self.put(weight)


class Changer(Agent):
    """Fields of every sort."""

    name: str = ""
    deep: dict[str, Any]
    words: Log[str]
    table: Table[Any]
    runs: int = 0

    def nest(self, word: str) -> str:
        """Change what stands in a field at some depth."""
        self.deep.setdefault("a", []).append(word)
        return word

    def write(self, name: str, entry: Any) -> None:
        """Write values that may be there already."""
        self.name = name
        self.deep = dict(self.deep)
        self.table["entry"] = entry

    def grow(self, word: str) -> None:
        """Add to the log."""
        self.words.append(word)

    def look(self) -> list[Any]:
        """Change nothing."""
        return [self.name, self.deep, list(self.words), dict(self.table), self.runs]

    def big(self, size: int) -> str:
        """Answer much."""
        self.runs += 1
        return "v" * size

    def pair(self) -> list[Any]:
        """Answer what looks like a value with its effects."""
        return [1, {"fields": 9}, 2.5]

    def say(self, ctx: Context, times: int = 1) -> None:
        """Send messages; report."""
        for _ in range(times):
            ctx.tell("scale/1", "put", 1)
            ctx.spawn("scale", f"new-{ctx.task_id}")
            ctx.timer(3_600, "look")
        ctx.report("tests", 12)
        ctx.report("lines")
        ctx.report("tests", 30)

    def claim(self, ctx: Context, name: str, count: int) -> None:
        """Report one thing."""
        ctx.report(name, count)

    def claim_and_fail(self, ctx: Context) -> None:
        """Report, change, tell, and fail."""
        ctx.report("tests", 5)
        self.runs += 1
        ctx.tell("scale/1", "put", 77)
        raise ValueError("as told")

    async def all_of_it(self, ctx: Context) -> int:
        """Two steps, a checkpoint, an ask that is answered, one that is not, a tell, a change, a report."""
        await ctx.step("one", time.time)
        await ctx.step("two", time.time)
        await ctx.checkpoint("milestone")
        await ctx.ask("scale/2", "look")
        try:
            await ctx.ask("scale/none", "look")
        except UnknownAgent:
            self.runs += 1
        ctx.tell("scale/1", "put", 1)
        ctx.report("tests", 3)
        self.deep["x"] = self.runs
        return self.runs

    @task(max_run_s=30)
    async def all_alone(self, ctx: Context) -> int:
        """The same in a process of its own."""
        return await self.all_of_it(ctx)

    async def ask_on(self, address: str, ctx: Context) -> str:
        """Ask another one that asks this one."""
        try:
            return await ctx.ask(address, "ask_on", self.id) or ""
        except PoolError as error:
            return f"{type(error).__name__}: {error}"

    async def fail_first(self, path: str, ctx: Context) -> str:
        """Do more the first time, and fail."""
        ctx.report("tests", 1)
        if not Path(path).exists():
            Path(path).touch()
            ctx.report("tests", 100)
            await ctx.step("first", time.time)
            raise ValueError("as told")
        self.runs += 1
        return "done"

    async def die_midway(self, path: str, ctx: Context) -> int:
        """Steps, a change and a checkpoint; the end of the process between, the first time."""
        await ctx.step("one", time.time)
        await ctx.step("two", time.time)
        await ctx.checkpoint("milestone")
        ctx.report("tests", 7)
        self.runs += 1
        if not Path(path).exists():
            Path(path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        await ctx.step("three", time.time)
        return self.runs

    async def go_on_behind(self, path: str, ctx: Context) -> int:
        """The same, going on behind its checkpoint."""
        if ctx.last_checkpoint() is None:
            await ctx.step("one", time.time)
            await ctx.ask("scale/2", "look")
            await ctx.checkpoint("milestone")
            if not Path(path).exists():
                Path(path).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        await ctx.step("three", time.time)
        return 3

    async def wait_for(self, path: str, ctx: Context) -> int:
        """A step, a change and a report once a file is there."""
        await ctx.step("one", time.time)
        while not Path(path).exists():
            await asyncio.sleep(0.01)
        ctx.report("lines", 4)
        self.runs += 1
        return self.runs

    async def spin(self, times: int) -> int:
        """Never come to an end, unless it is told otherwise."""
        self.runs += 1
        while times:
            times += 1
        return self.runs

    async def rest(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
