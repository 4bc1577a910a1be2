"""An async batch node takes its items one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

from sprints.asyncbatchnode import AsyncBatchNode


class Note(AsyncBatchNode):
    async def prep_async(self, shared: Any) -> Any:
        return shared["items"]

    async def exec_async(self, prep_res: Any) -> Any:
        log.append(f"in {prep_res}")
        await asyncio.sleep(0)
        log.append(f"out {prep_res}")
        return prep_res * 2

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return exec_res


log: list[str] = []


async def test_one_item_ends_before_the_next_begins() -> None:
    log.clear()
    assert await Note().run_async({"items": [1, 2]}) == [2, 4]
    assert log == ["in 1", "out 1", "in 2", "out 2"]
    assert await Note().run_async({"items": None}) == []
