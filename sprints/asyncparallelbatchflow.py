"""A flow with steps that wait, walked many times at once."""

from __future__ import annotations

import asyncio
from typing import Any

from sprints.asyncflow import AsyncFlow
from sprints.batchflow import BatchFlow

__all__ = ["AsyncParallelBatchFlow"]


class AsyncParallelBatchFlow(AsyncFlow, BatchFlow):
    """prep_async returns a list of params; the flow is walked with all of them at once, over the same shared store."""

    async def _run_async(self, shared: Any) -> Any:
        batch = await self.prep_async(shared) or []
        await asyncio.gather(*(self._orch_async(shared, {**self.params, **params}) for params in batch))
        return await self.post_async(shared, batch, None)
