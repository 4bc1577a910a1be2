"""How many items a sprint takes: so many an agent, corrected by what earlier sprints got through.

Pure: it is told what earlier sprints did, how many agents there are and how long they have.
"""

from __future__ import annotations

from collections.abc import Iterable

from sprints.chronicle import Chronicle
from sprints.spec import RATE_STEP, TASKS_AN_AGENT

__all__ = ["capacity_of", "rate_of"]


def capacity_of(agents: int, exec_s: float, rates: Iterable[float] = ()) -> int:
    """How many items so many agents are given for a sprint that has so many seconds of exec; at least 1.

    Ten an agent while nothing was measured. rates: of earlier sprints, the oldest first, in items an agent and second: each
    moves the number half the way to what it got through, so never below its half, and
    at most to its double.
    """
    each = TASKS_AN_AGENT
    for rate in rates:
        each = min((each + rate * exec_s) / 2, each * RATE_STEP)
    return max(round(agents * each), 1)


def rate_of(told: Chronicle) -> float | None:
    """Items that ended, an agent and second of exec; None where the sprint tells nothing of that.

    Time of a pause is no time. A sprint that had nothing left to do is not slow: its exec ended with its last item.
    """
    ended, agents, seconds = len(told.receipts), told.agents, told.exec_s
    return ended / agents / seconds if agents and ended and seconds else None
