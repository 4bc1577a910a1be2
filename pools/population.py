"""The agents of one kind, as the placement has them.

Owns how ranges lie beside each other: those that touch, in the same pool, are one. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace

from pools.coming import Coming
from pools.spans import Part

__all__ = ["Population"]


@dataclass(slots=True)
class Population:
    """The agents of one kind. parts: sorted, and starts with them; numbers are missing where agents were taken out."""

    starts: list[int] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    named: dict[int, list[str]] = field(default_factory=dict)
    count: int = 0
    numbered: int = 0
    #: How often agents were taken out.
    takings: int = 0
    coming: Coming = field(default_factory=Coming)

    def add(self, part: Part) -> None:
        """Take in a part, joined with those beside it that live in the same pool."""
        at = bisect_right(self.starts, part.start)
        low = high = at
        if at and (before := self.parts[at - 1]).stop == part.start and before.pool == part.pool:
            low, part = at - 1, replace(part, start=before.start)
        if at < len(self.parts) and (after := self.parts[at]).start == part.stop and after.pool == part.pool:
            high, part = at + 1, replace(part, stop=after.stop)
        self.parts[low:high], self.starts[low:high] = [part], [part.start]
