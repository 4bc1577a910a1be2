"""A step that waits for many items, one after the other."""

from __future__ import annotations

from typing import Any

from sprints.asyncnode import AsyncNode
from sprints.batchnode import BatchNode

__all__ = ["AsyncBatchNode"]


class AsyncBatchNode(AsyncNode, BatchNode):
    """exec_async is called with each item of prep_async in their order; post_async gets the list."""

    async def _exec(self, prepared: Any) -> Any:
        return [await self._tried(item) for item in prepared or []]
