"""An agent whose tasks put on record how far they are, and write down what they do outside."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pools.agent import Agent
from pools.context import Context
from pools.log import Log
from pools.method import task

__all__ = ["Walker", "wrote"]


def wrote(path: str, line: str) -> None:
    """Add a line to a file, whole."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


class Walker(Agent):
    """Goes on from its last checkpoint."""

    total: int = 0
    seen: Log[str]

    async def walk(self, path: str, count: int, ctx: Context) -> dict[str, Any]:
        """Some stages, each with a line outside and a checkpoint behind it; from the last checkpoint on."""
        last = ctx.last_checkpoint()
        begin = 0
        if last is not None and last.task_id == ctx.task_id:  # its own state is as it was before the task
            begin, self.total = last.partial_result, last.state["total"]
            self.seen.extend(last.state["seen"])
        wrote(path, f"from {begin}")
        revision = 0
        for at in range(begin, count):
            self.total += 1
            self.seen.append(f"stage {at}")
            await ctx.step(f"stage {at}", wrote, path, str(at))
            revision = await ctx.checkpoint(
                progress=(at + 1) / count, partial_result=at + 1, context={"path": path}, expected=revision or None
            )
        return {"revision": revision, "begin": begin}

    async def replay(self, path: str, count: int, ctx: Context) -> list[int]:
        """Some checkpoints by one who never looks at the last one: a replay takes all of them again."""
        revisions = []
        for at in range(count):
            wrote(path, str(at))
            revisions.append(await ctx.checkpoint("milestone", metadata=at))
        return revisions

    async def record(self, kind: str, value: Any, expected: int | None, ctx: Context) -> int:
        """One checkpoint, and that is all."""
        return await ctx.checkpoint(kind, partial_result=value, expected=expected)

    async def fail(self, ctx: Context) -> None:
        """Change the state, put that on record, and fail."""
        self.total += 100
        await ctx.checkpoint("user", partial_result=self.total)
        raise ValueError("as told")

    async def wait(self, path: str, ctx: Context) -> None:
        """Change the state, make a checkpoint, change it again, and end never."""
        self.total += 1
        await ctx.checkpoint(progress=0.5, partial_result="half")
        self.total += 1
        wrote(path, "waits")
        await asyncio.get_running_loop().create_future()

    async def outlive(self, path: str, ctx: Context) -> None:
        """Make a checkpoint after the task was taken back, if it can be made."""
        await ctx.checkpoint("user")
        wrote(path, "waits")
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            wrote(path, "cancelled")
            await ctx.checkpoint("milestone")
            wrote(path, "never")

    @task(max_run_s=20)
    async def walk_alone(self, path: str, count: int, ctx: Context) -> dict[str, Any]:
        """The same in a process of its own."""
        return await self.walk(path, count, ctx)

    def last(self, kind: str | None, ctx: Context) -> list[Any] | None:
        """Revision, kind, partial result and state of the newest checkpoint."""
        found = ctx.last_checkpoint(kind)
        return None if found is None else [found.revision, found.kind, found.partial_result, found.state]

    def count(self) -> int:
        """How far it is."""
        return self.total
