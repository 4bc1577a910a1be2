"""What of an engine is recorded: the documents that its screens show, all of one moment.

Owns which documents these are, and that memory, which costs more to read than all else, is read seldom while nobody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pools.sizes import REST, UNSEEN_REST

if TYPE_CHECKING:
    from engine.known import Known

__all__ = ["Scene"]


class Scene:
    """The documents of an engine by their names. beside: what its `stats` have beside what the engine itself knows."""

    def __init__(self, engine: Known, beside: Callable[[], Mapping[str, Any]] = dict) -> None:
        self._engine = engine
        self._beside = beside

    def now(self, *, is_seen: bool = True) -> dict[str, Any]:
        """All documents, of this moment. is_seen: somebody looks at it, so its memory shall be new. Raises EngineStopped."""
        sizes = self._engine.swarm.sizes
        sizes.rest = REST if is_seen else UNSEEN_REST
        try:
            stats = {**self._engine.stats().as_dict(), **self._beside()}
            return {"stats": stats, "overview": self._engine.overview(stats).as_dict()}
        finally:
            sizes.rest = REST
