"""Agents that fail for a cause: by where they are asked, and by how much they are given."""

from __future__ import annotations

import asyncio
from typing import Any

from pools.agent import Agent

__all__ = ["LARGEST", "Brittle"]

#: Items that an agent can take.
LARGEST = 40


class Brittle(Agent):
    """Numbers below `bad` fail at `try_it`."""

    done: int = 0

    def try_it(self, bad: int) -> int:
        """The agent's own number."""
        if int(self.key) < bad:
            raise ValueError("not here")
        return int(self.key)

    def total(self, items: list[int]) -> int:
        """The sum of the items."""
        if len(items) > LARGEST:
            raise MemoryError(f"{len(items)} items")
        if items and items[0] < 0:
            raise ValueError("a number below 0")
        return sum(items)

    def order(self, items: list[int]) -> list[int]:
        """The items as they came."""
        if len(items) > LARGEST:
            raise MemoryError(f"{len(items)} items")
        return items

    async def hold(self, items: list[int]) -> int:
        """As many seconds as the first item says."""
        if len(items) > LARGEST:
            raise MemoryError(f"{len(items)} items")
        await asyncio.sleep(items[0])
        return 0

    def split(self, method: str, args: list[Any]) -> list[Any]:
        """Parts of ten items; what begins with 13 cannot be split."""
        (items,) = args
        if items[:1] == [13]:
            raise KeyError("thirteen")
        return [[items[at : at + 10]] for at in range(0, len(items), 10)]

    def join(self, method: str, results: list[Any]) -> Any:
        """All results together."""
        if method == "order":
            return [item for part in results for item in part]
        return sum(results)
