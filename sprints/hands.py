"""Who does the work of a workflow, as the workflow sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sprints.stepresult import Ended

__all__ = ["Hands"]


class Hands(Protocol):
    """A swarm of agents with accepted tasks: an engine in this process, or one behind a socket."""

    async def scale(self, kind: str, count: int | None, reference: str | None) -> None:
        """Load a kind where a reference is given, and have `count` agents of it at least."""

    async def members(self, kind: str) -> list[str]:
        """The addresses of all agents of a kind."""

    async def submit(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        """Have task lines accepted; returns their ids. A line whose id is known is the task that was accepted under it."""

    async def ended(self, task: str) -> Ended:
        """How a task ended, once it has."""

    async def cancel(self, tasks: Sequence[str]) -> None:
        """Take tasks back that are open."""
