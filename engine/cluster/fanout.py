"""The same job on many nodes, some at a time, each with a deadline of its own.

Owns the rule that one node never stops another: whatever a job raises becomes that node's outcome. What the job does, and that
it takes its own processes away when it is cancelled, is its own; time comes from the running loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.cluster.node import Node
from engine.cluster.outcome import NodeFailed, Outcome
from engine.errors import EngineError

__all__ = ["FanOut", "Job"]

#: What is done with each node; it raises NodeFailed where it comes to nothing.
Job = Callable[[Node], Awaitable[Any]]


class FanOut:
    """A job under way on nodes.

    limit: nodes at a time.  deadline_s: for each node, from the moment it begins; None for none.
    told: called with each outcome as it comes, and with None for a node that begins.
    """

    def __init__(self, job: Job, *, limit: int, deadline_s: float | None, told: Callable[[Node, Outcome | None], None]) -> None:
        self._job = job
        self._limit = asyncio.Semaphore(limit)
        self._deadline_s = deadline_s
        self._told = told
        self._tasks: list[asyncio.Task[Outcome]] = []
        self._is_ending = False

    async def run(self, nodes: Sequence[Node]) -> list[Outcome]:
        """The outcome of each node, in their order. Cancelled, it ends all jobs before it returns."""
        self._tasks = [asyncio.create_task(self._one(node)) for node in nodes]
        try:
            return list(await asyncio.gather(*self._tasks))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def end(self) -> None:
        """End the jobs that run, and begin no other: those nodes are `interrupted`."""
        if not self._is_ending:
            self._is_ending = True
            for task in self._tasks:
                task.cancel()

    async def _one(self, node: Node) -> Outcome:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with self._limit:
                began_s = loop.time()
                self._told(node, None)
                outcome = await self._outcome(node, began_s)
        except asyncio.CancelledError:
            if not self._is_ending:
                raise
            outcome = self._of(node, "interrupted", began_s, "interrupted before it ended")
        self._told(node, outcome)
        return outcome

    async def _outcome(self, node: Node, began_s: float) -> Outcome:
        try:
            async with asyncio.timeout(self._deadline_s):
                value = await self._job(node)
        except NodeFailed as failed:
            return self._of(node, failed.state, began_s, str(failed), failed.mend, failed.value)
        except TimeoutError:
            said = (
                f"not done within {self._deadline_s:g} s: what ran of it there was told to end"
                if self._deadline_s
                else "not done in time"
            )
            return self._of(node, "timeout", began_s, said)
        except (EngineError, OSError, ValueError) as error:
            return self._of(node, "failed", began_s, f"{type(error).__name__}: {error}")
        return self._of(node, "done", began_s, value=value)

    @staticmethod
    def _of(node: Node, state: str, began_s: float, reason: str = "", mend: str = "", value: Any = None) -> Outcome:
        seconds = asyncio.get_running_loop().time() - began_s
        return Outcome(node.id, str(node.address), state, seconds, reason, mend, value)
