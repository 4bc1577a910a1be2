"""A step that waits for many items at once."""

from __future__ import annotations

import asyncio
from typing import Any

from sprints.asyncnode import AsyncNode
from sprints.batchnode import BatchNode

__all__ = ["AsyncParallelBatchNode"]


class AsyncParallelBatchNode(AsyncNode, BatchNode):
    """exec_async is called with all items of prep_async at once; post_async gets the list, in the order of the items.

    Each item has attempts of its own, whatever becomes of the others meanwhile.
    """

    async def _exec(self, prepared: Any) -> Any:
        return await asyncio.gather(*(self._tried(item) for item in prepared or []))
