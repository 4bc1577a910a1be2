"""The engine, as those see it who work in it without being it.

Owns nothing: it names what they need, so that what is built on an engine knows the engine, and the engine can offer it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.detached import Detached
    from engine.spawned import Spawned
    from pools.swarm import Swarm

__all__ = ["Host"]


class Host(Protocol):
    """What an engine has for a campaign of sprints: as `Engine` says."""

    @property
    def detached(self) -> Detached:
        """The tasks that were accepted."""
        ...

    @property
    def swarm(self) -> Swarm:
        """The workers."""
        ...

    def note(self, name: str, text: str) -> None:
        """Have something that happened among the events."""
        ...

    async def load(self, reference: str, paths: Iterable[str] = ()) -> str:
        """Load a kind in every worker."""
        ...

    async def spawn(self, kind: Any, count: int | None = None) -> Spawned:
        """Make agents exist."""
        ...
