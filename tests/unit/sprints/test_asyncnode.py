"""An async node waits in each of its parts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sprints.asyncnode import AsyncNode


class Fetch(AsyncNode):
    async def prep_async(self, shared: Any) -> Any:
        await asyncio.sleep(0)
        return shared

    async def exec_async(self, prep_res: Any) -> Any:
        await asyncio.sleep(0)
        prep_res.append(self.cur_retry)
        if self.cur_retry < 1:
            raise OSError("not yet")
        return "got"

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        await asyncio.sleep(0)
        return exec_res


async def test_it_is_tried_again() -> None:
    shared: list[int] = []
    assert await Fetch(max_retries=2).run_async(shared) == "got"
    assert shared == [0, 1]


async def test_its_fallback_waits_too() -> None:
    class Fallen(Fetch):
        async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> Any:
            await asyncio.sleep(0)
            return f"fell on {exc}"

    assert await Fallen().run_async([]) == "fell on not yet"
    with pytest.raises(OSError, match="not yet"):
        await Fetch().run_async([])


def test_run_is_refused_with_the_mend() -> None:
    with pytest.raises(RuntimeError, match="run_async"):
        AsyncNode().run({})


async def test_alone_it_says_that_its_successors_are_not_run() -> None:
    node = AsyncNode()
    node >> AsyncNode()
    with pytest.warns(UserWarning, match="Use AsyncFlow"):
        await node.run_async({})
