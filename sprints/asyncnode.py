"""A step that waits."""

from __future__ import annotations

import warnings
from typing import Any

from sprints.attempts import tried_async
from sprints.node import Node

__all__ = ["AsyncNode"]


class AsyncNode(Node):
    """A step with async parts: prep_async, exec_async, exec_fallback_async and post_async in place of the plain ones."""

    async def prep_async(self, shared: Any) -> Any:
        """What exec_async gets."""

    async def exec_async(self, prep_res: Any) -> Any:
        """The work."""

    async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> Any:
        """What the outcome is when every attempt failed. Raises exc by default."""
        raise exc

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """The action that chooses what comes next."""

    async def run_async(self, shared: Any) -> Any:
        """Run this one alone; returns its action."""
        if self.successors:
            warnings.warn("Node won't run successors. Use AsyncFlow.", stacklevel=2)
        return await self._run_async(shared)

    async def _run_async(self, shared: Any) -> Any:
        prepared = await self.prep_async(shared)
        return await self.post_async(shared, prepared, await self._exec(prepared))

    def _run(self, shared: Any) -> Any:
        raise RuntimeError("Use run_async.")

    async def _exec(self, prepared: Any) -> Any:
        return await self._tried(prepared)

    async def _tried(self, item: Any) -> Any:
        return await tried_async(self.exec_async, self.exec_fallback_async, item, most=self.max_retries, wait_s=self.wait)
