"""The kind that an engine has when nothing else is asked for: a counter.

It is the smallest useful agent, the example of the first page, and what the benchmarks measure.
"""

from __future__ import annotations

from pools.agent import Agent

__all__ = ["Counter"]


class Counter(Agent):
    """Adds numbers."""

    total: int = 0

    def add(self, x: int = 1) -> int:
        """Add x and return the total."""
        self.total += x
        return self.total

    def get(self) -> int:
        """The total."""
        return self.total

    def ping(self) -> str:
        """Answer, to show that the agent lives."""
        return "pong"
