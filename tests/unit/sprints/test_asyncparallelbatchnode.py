"""A parallel batch node has all its items under way at once, and none loses an attempt to another."""

from __future__ import annotations

import asyncio
from typing import Any

from sprints.asyncparallelbatchnode import AsyncParallelBatchNode


class Meet(AsyncParallelBatchNode):
    """Each item waits for all others."""

    async def prep_async(self, shared: Any) -> Any:
        self.barrier = asyncio.Barrier(len(shared))
        return shared

    async def exec_async(self, prep_res: Any) -> Any:
        async with asyncio.timeout(5):
            await self.barrier.wait()
        return prep_res * 10

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return exec_res


class Flaky(AsyncParallelBatchNode):
    """Each item fails twice."""

    async def prep_async(self, shared: Any) -> Any:
        return list(shared)

    async def exec_async(self, prep_res: Any) -> Any:
        counts[prep_res] = counts.get(prep_res, 0) + 1
        await asyncio.sleep(0.001 * (prep_res % 3))
        if self.cur_retry < 2:
            raise ValueError(prep_res)
        return prep_res

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return exec_res


counts: dict[int, int] = {}


async def test_all_items_are_under_way_at_once_and_keep_their_order() -> None:
    assert await Meet().run_async([3, 1, 2]) == [30, 10, 20]


async def test_every_item_has_all_its_attempts() -> None:
    counts.clear()
    assert await Flaky(max_retries=3).run_async(range(12)) == list(range(12))
    assert counts == dict.fromkeys(range(12), 3)
