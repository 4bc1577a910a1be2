"""An agent with flaws: some of its methods really fail, as often as it was told, and what is too much for it is too much.
Whether a task fails is drawn from its own number, so that the same task meets the same luck. Above: `foresight`."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from engine import Agent

__all__ = ["METHODS", "Flawed"]

#: the methods that fail by chance.
METHODS = ("fetch", "parse", "rank", "store")


class Flawed(Agent):
    """Fails. flaws: how often each method does.  capacity: items that `total` can take; part: items of one part of it."""

    flaws: dict[str, float]
    capacity: int = 0
    seed: int = 0

    def suffer(self, flaws: dict[str, float], capacity: int, seed: int) -> None:
        self.flaws = flaws
        self.capacity = capacity
        self.seed = seed

    def fetch(self, number: int) -> int:
        return self._try("fetch", number)

    def parse(self, number: int) -> int:
        return self._try("parse", number)

    def rank(self, number: int) -> int:
        return self._try("rank", number)

    def store(self, number: int) -> int:
        return self._try("store", number)

    def total(self, items: list[int]) -> int:
        if len(items) > self.capacity:
            raise MemoryError(f"{len(items)} items are more than {self.capacity}")
        return sum(items)

    def split(self, method: str, args: list[Any]) -> list[Any]:
        (items,) = args
        step = max(self.capacity // 2, 1)
        return [[items[at : at + step]] for at in range(0, len(items), step)]

    def join(self, method: str, results: list[int]) -> int:
        return sum(results)

    def _try(self, method: str, number: int) -> int:
        if crc32(f"{self.seed}/{self.key}/{method}/{number}".encode()) < self.flaws.get(method, 0.0) * 2**32:
            raise RuntimeError(f"{method} does not work here")
        return number
