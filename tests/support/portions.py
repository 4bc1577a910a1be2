"""Agents that know how to split a task, and that count for good what they did of it."""

from __future__ import annotations

import asyncio
from typing import Any

from pools.agent import Agent

__all__ = ["Portions"]


class Portions(Agent):
    """Counts parts, splits and joins.

    The first item says how long a part takes, in seconds, the rest is added up; a part with a negative number fails.
    """

    runs: int = 0
    splits: int = 0
    joins: int = 0

    async def total(self, items: list[float]) -> float:
        """The sum of all items but the first."""
        self.runs += 1
        await asyncio.sleep(items[0])
        if min(items) < 0:
            raise ValueError("a number below 0")
        return sum(items[1:])

    async def named(self, items: list[float], extra: int) -> float:
        """The same, and something more for each part."""
        return await self.total(items) + extra

    def counts(self) -> list[int]:
        """How often it ran a part, split and joined."""
        return [self.runs, self.splits, self.joins]

    def split(self, method: str, args: Any) -> list[Any]:
        """Parts of one item each; a list of one item is not split, one that begins with 13 cannot be."""
        self.splits += 1
        items = args["items"] if type(args) is dict else args[0]
        if items[0] == 13:
            raise KeyError("thirteen")
        if items[0] == 14:
            return [1, 2]
        parts = [[items[0], item] for item in items[1:]]
        return [args | {"items": part} for part in parts] if type(args) is dict else [[part] for part in parts]

    def join(self, method: str, results: list[float]) -> float:
        """All results together."""
        self.joins += 1
        return sum(results)
