"""The agent of the yardsticks: an object with one slot, for no engine. The engine is measured with its own counter."""

from __future__ import annotations

__all__ = ["Counter"]


class Counter:
    """One integer of state and the two methods that the workloads mix."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total

    def get(self) -> int:
        return self.total
