"""A parallel batch flow has all its walks under way at once, each with params and attempts of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from sprints.asyncnode import AsyncNode
from sprints.asyncparallelbatchflow import AsyncParallelBatchFlow

WALKS = 6


class Meet(AsyncNode):
    """Waits for the other walks, and fails once."""

    async def prep_async(self, shared: Any) -> Any:
        async with asyncio.timeout(5):
            await shared["barrier"].wait()
        return shared

    async def exec_async(self, prep_res: Any) -> Any:
        await asyncio.sleep(0)
        prep_res["tries"].append((self.params["at"], self.cur_retry))
        if not self.cur_retry:
            raise ValueError
        return self.params["at"]

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared["seen"].append(exec_res)


class Each(AsyncParallelBatchFlow):
    async def prep_async(self, shared: Any) -> Any:
        return [{"at": number} for number in range(WALKS)]


async def test_all_walks_are_under_way_at_once() -> None:
    shared: dict[str, Any] = {"barrier": asyncio.Barrier(WALKS), "tries": [], "seen": []}
    await Each(start=Meet(max_retries=2)).run_async(shared)
    assert sorted(shared["seen"]) == list(range(WALKS))
    assert sorted(shared["tries"]) == [(walk, attempt) for walk in range(WALKS) for attempt in range(2)]
