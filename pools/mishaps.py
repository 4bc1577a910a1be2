"""How often each agent of a worker was taken back, and what went wrong the last times.

Owns how many are remembered. It hears of tasks that failed, and of nothing else: what goes well costs nothing here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from pools.address import Key

__all__ = ["Mishaps"]

#: Agents that are remembered, the newest; and what is remembered of each: some 2 MB.
AGENTS, LAST = 1_000, 5


class Mishap(NamedTuple):
    """A task that failed. at_s: seconds since 1970.  error: its type and its text."""

    at_s: float
    method: str
    task: str
    error: str


class Mishaps:
    """The failures of one worker's agents, since its process began. wall_s: seconds since 1970."""

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self._wall_s = wall_s
        self._agents: dict[tuple[str, Key], tuple[int, deque[Mishap]]] = {}

    def note(self, kind: str, key: Key, method: str, task: str, error: str) -> None:
        """A task failed, after which its agent is as it was before."""
        fresh: tuple[int, deque[Mishap]] = 0, deque(maxlen=LAST)
        count, last = self._agents.pop((kind, key), fresh)
        if len(self._agents) >= AGENTS:
            del self._agents[next(iter(self._agents))]
        last.append(Mishap(self._wall_s(), method, task, error))
        self._agents[kind, key] = count + 1, last

    def count(self, kind: str, key: Key) -> int:
        """How often an agent was taken back; 0 also for one that is not remembered any more."""
        known = self._agents.get((kind, key))
        return known[0] if known else 0

    def counts(self, kind: str) -> dict[Key, int]:
        """The same of all agents of a kind that are remembered."""
        return {key: count for (own, key), (count, _) in self._agents.items() if own == kind}

    def last(self, kind: str, key: Key) -> list[dict[str, Any]]:
        """What went wrong the last times, the newest first."""
        known = self._agents.get((kind, key))
        return [one._asdict() for one in reversed(known[1])] if known else []
