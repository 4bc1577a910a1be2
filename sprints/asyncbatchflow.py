"""A flow with steps that wait, walked many times, one after the other."""

from __future__ import annotations

from typing import Any

from sprints.asyncflow import AsyncFlow
from sprints.batchflow import BatchFlow

__all__ = ["AsyncBatchFlow"]


class AsyncBatchFlow(AsyncFlow, BatchFlow):
    """prep_async returns a list of params; the flow is walked with each of them, in their order."""

    async def _run_async(self, shared: Any) -> Any:
        batch = await self.prep_async(shared) or []
        for params in batch:
            await self._orch_async(shared, {**self.params, **params})
        return await self.post_async(shared, batch, None)
