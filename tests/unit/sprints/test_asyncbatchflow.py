"""An async batch flow is walked with one set of params after the other."""

from __future__ import annotations

import asyncio
from typing import Any

from sprints.asyncbatchflow import AsyncBatchFlow
from sprints.asyncnode import AsyncNode


class Note(AsyncNode):
    async def exec_async(self, prep_res: Any) -> Any:
        await asyncio.sleep(0)

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared.append(self.params["at"])


class Each(AsyncBatchFlow):
    async def prep_async(self, shared: Any) -> Any:
        return [{"at": number} for number in range(3)]

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return f"{len(prep_res)} walks"


async def test_each_params_is_a_walk_in_their_order() -> None:
    shared: list[int] = []
    assert await Each(start=Note()).run_async(shared) == "3 walks"
    assert shared == [0, 1, 2]
