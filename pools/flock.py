"""Tasks of one turn of the loop for agents of one kind, which are chosen for all of them at once.

Owns the tasks until then. Whom they go to is the balancer's choice, when they leave the link's.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

from pools.address import Key
from pools.duelane import DueLane
from pools.lane import Lane

__all__ = ["Flock"]


class Flock:
    """Tasks that call one method."""

    __slots__ = ("arguments", "dues", "futures")

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []
        self.arguments: list[Any] = []
        #: Until when each is of use, in monotonic seconds; none for tasks that always are.
        self.dues: list[float] = []

    def put(self, lane: Lane, method: str, start: int, keys: Sequence[Key]) -> int:
        """Have as many tasks as there are keys wait in a lane, the first of them at a place; returns the place after them."""
        end = start + len(keys)
        rows = zip(self.futures[start:end], keys, repeat(method), self.arguments[start:end], strict=False)
        lane.rows.extend(chain.from_iterable(rows))
        if isinstance(lane, DueLane):
            lane.dues.extend(self.dues[start:end])
        return end
