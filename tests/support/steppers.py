"""Agents whose tasks do things outside, step by step, and write down how often."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from pathlib import Path
from typing import Any

from pools.agent import Agent
from pools.context import Context
from pools.method import task

__all__ = ["Stepper", "effect"]


def effect(path: str, step: str) -> list[str]:
    """What is done outside: a line with the step's id, and something that is never the same."""
    line = [step, secrets.token_hex(4)]
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, (" ".join(line) + "\n").encode())
    os.close(descriptor)
    return line


class Stepper(Agent):
    """Does things outside, step by step."""

    tasks: int = 0

    async def work(self, path: str, steps: int, ctx: Context) -> list[Any]:
        """Some steps, one after the other; what each gave."""
        given = [await ctx.step(f"line {at}", effect, path, ctx.step_id) for at in range(steps)]
        self.tasks += 1
        return [ctx.task_id, given]

    async def work_and_ask(self, path: str, address: str, steps: int, ctx: Context) -> list[Any]:
        """Ask a tally to add one, between steps."""
        given = []
        for at in range(steps):
            given.append(await ctx.ask(address, "add", 1))
            given.append((await ctx.step(f"line {at}", effect, path, ctx.step_id))[0])
        self.tasks += 1
        return given

    async def work_and_hang(self, path: str, steps: int, ctx: Context) -> None:
        """Some steps, then nothing more."""
        await self.work(path, steps, ctx)
        await asyncio.get_running_loop().create_future()

    @task(max_run_s=20)
    async def work_alone(self, path: str, address: str, steps: int, ctx: Context) -> list[Any]:
        """The same in a process of its own."""
        return await self.work_and_ask(path, address, steps, ctx)

    async def kill_once(self, path: str, ctx: Context) -> list[Any]:
        """A step, then the end of the process the first time; the second time it runs alone, and has the step's value."""
        first = await ctx.step("line", effect, path, ctx.step_id)
        if not Path(f"{path}.killed").exists():
            Path(f"{path}.killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return [first, await ctx.step("more", effect, path, ctx.step_id)]

    async def wander(self, path: str, ctx: Context) -> int:
        """Take another step each time that it is run, after one that is always the same."""
        await ctx.step("same", effect, path, ctx.step_id)
        await ctx.step(f"other {os.getpid()}", effect, path, ctx.step_id)
        await asyncio.get_running_loop().create_future()
        return 0

    async def fail(self, path: str, ctx: Context) -> None:
        """A step, then an error."""
        await ctx.step("line", effect, path, ctx.step_id)
        raise ValueError("as told")

    def count(self) -> int:
        """How many tasks have ended."""
        return self.tasks
