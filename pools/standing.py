"""How a deploy stands, as it is kept, and what a start makes of that.

Pure. What is done next is decided by `deploys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pools.code import Code
from pools.plan import Plan
from pools.verdict import Tasks

__all__ = ["BACK", "IDLE", "ROLLED", "ROLLING", "Standing"]

#: Phases: nothing under way; workers are being given the code; all have it; it is being taken back.
IDLE, ROLLING, ROLLED, BACK = "idle", "rolling", "rolled", "back"


class Standing(NamedTuple):
    """One moment of a deploy. now: the code that counts.  next: what is deployed.  old: the old code's tasks."""

    now: Code = Code()
    next: Code | None = None
    phase: str = IDLE
    plan: Plan | None = None
    old: Tasks = Tasks()

    def as_row(self) -> dict[str, Any]:
        """As it is kept."""
        row = {"now": self.now.as_row(), "next": None if self.next is None else self.next.as_row(), "phase": self.phase}
        return row if self.plan is None else row | self.plan.as_row() | {"old": list(self.old)}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Standing:
        """What a start makes of what was kept.

        A deploy that was interrupted is none: everything begins with the old code. Where only the new one can read what it has
        written, it begins with that one, and goes back then: its phase is neither IDLE nor ROLLED.
        """
        if not row:
            return cls()
        now, phase = Code.of_row(row["now"]), row["phase"]
        if row["next"] is None:
            return cls(now, None, phase)
        code = Code.of_row(row["next"])
        plan = Plan.of_row(row, code)
        if plan.is_one_way:
            return cls(code, None, IDLE, plan)
        if phase == ROLLED or plan.back:
            return cls(now, code, phase, plan, Tasks(*row.get("old", ())))
        return cls(now, None, IDLE, plan)
