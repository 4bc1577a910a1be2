"""What a removal did.

Owns the facts only: how they are shown is the command line's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Removed"]


class Removed(NamedTuple):
    """The outcome of one removal.

    removed: how many agents are gone by it.  missing: how many of those that were named there were not.
    total: agents of the kind now.  seconds: what it took.
    """

    kind: str
    removed: int
    missing: int
    total: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The facts by name."""
        return self._asdict()
