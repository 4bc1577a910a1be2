"""How many items a sprint takes: so many an agent, corrected by what earlier sprints got through.

Pure: it reads the events of ledgers, and is told how many agents there are and how long they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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


def rate_of(events: Iterable[Mapping[str, Any]]) -> float | None:
    """Items that ended, an agent and second of exec, from a ledger; None where it tells nothing of that.

    Time of a pause is no time. A sprint that had nothing left to do is not slow: its exec ended with its last item.
    """
    agents = 0
    ended = 0
    seconds = 0.0
    since: float | None = None
    paused: float | None = None
    for event in events:
        kind, s = event["e"], float(event["s"])
        if kind == "sprint":
            agents = int(event["agents"])
        elif kind == "receipt":
            ended += 1
        elif kind == "paused":
            paused = s
        elif kind == "resumed" and paused is not None:
            since, paused = None if since is None else since + s - paused, None
        elif kind in ("phase", "ended"):
            if since is not None:
                seconds += max((s if paused is None else paused) - since, 0.0)
            since = s if event.get("phase") == "exec" else None
    return ended / agents / seconds if agents and ended and seconds else None
