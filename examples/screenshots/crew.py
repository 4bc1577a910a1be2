"""Agents that keep an engine busy while its pictures are taken: they work, wait, and sometimes fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine import Agent
from pools.context import Context


class Frontend(Agent):
    """Renders pages."""

    pages: int = 0

    def render(self, cells: int) -> int:
        """Some work for the processor; a page of a multiple of 97 cells cannot be rendered."""
        if cells % 97 == 0:
            raise ValueError(f"{cells} cells do not fit")
        self.pages += 1
        return sum(cell * cell for cell in range(cells * 10))


class Backend(Agent):
    """Answers requests, each after a while."""

    answered: int = 0

    async def answer(self, wait_s: float) -> int:
        """Wait for somebody else."""
        await asyncio.sleep(wait_s)
        self.answered += 1
        return self.answered


class Tester(Agent):
    """Checks what others made."""

    checks: int = 0

    async def check(self, path: str, seconds: float, ctx: Context) -> int:
        """Write a report about it."""
        await asyncio.sleep(seconds)
        self.checks += 1
        ctx.log(f"{path} is as it should be")
        return await asyncio.to_thread(Path(path).write_text, f"{path}: {self.checks} checks\n")
