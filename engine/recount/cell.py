"""One cell of the overview beside what was counted again for it.

Owns the verdict. What was shown may have moved while the files were read: it was looked at before and after that, and a count
between the two is right. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["DIFFERS", "OK", "UNAVAILABLE", "Cell", "compared", "unavailable"]

#: The verdicts.
OK, DIFFERS, UNAVAILABLE = "ok", "differs", "unavailable"


class Cell(NamedTuple):
    """A cell. shown: as the engine showed it last.  recounted: None where that cannot be counted again, for a reason.

    between: what was shown before and after, where it moved.  part: which part of what is shown, where not all of it is meant.
    """

    cell: str
    shown: Any
    recounted: Any
    verdict: str
    reason: str = ""
    between: tuple[Any, Any] | None = None
    part: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The cell as JSON values."""
        facts: dict[str, Any] = {"cell": self.cell, "shown": self.shown, "recounted": self.recounted, "verdict": self.verdict}
        if self.part:
            facts["part"] = self.part
        if self.reason:
            facts["reason"] = self.reason
        if self.between is not None:
            facts["between"] = list(self.between)
        return facts


def compared(name: str, before: Any, recounted: Any, after: Any) -> Cell:
    """The verdict on a cell. before, after: as it was shown."""
    if before == after:
        return Cell(name, after, recounted, OK if recounted == after else DIFFERS)
    if isinstance(before, int) and isinstance(after, int) and isinstance(recounted, int):
        is_between = min(before, after) <= recounted <= max(before, after)
    else:
        is_between = recounted in (before, after)
    return Cell(name, after, recounted, OK if is_between else DIFFERS, between=(before, after))


def unavailable(document: Mapping[str, Any], name: str, reason: str) -> Cell:
    """A cell that nothing durable tells of. name: its path in the document."""
    shown: Any = document
    for part in name.split("."):
        shown = shown.get(part) if isinstance(shown, Mapping) else None
    return Cell(name, shown, None, UNAVAILABLE, reason)
