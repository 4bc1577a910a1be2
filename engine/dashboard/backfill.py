"""The curves of the minutes before somebody looked: from what the engine has recorded.

Owns which instants are read, one at a time, so that a screen that opens has its curves within a moment and costs little.
"""

from __future__ import annotations

from engine.dashboard.history import SPAN_S, History
from engine.dashboard.source import Source

__all__ = ["fill"]

#: Instants that are read for one stretch of curves: a point for each two columns of a wide terminal.
POINTS = 60


async def fill(source: Source, history: History, end_s: float, span_s: float = SPAN_S) -> int:
    """Read what was recorded of a stretch of time where nothing is known; returns how many points came.

    Raises as `Source.past`.
    """
    past = await source.past()
    if past is None:
        return 0
    before = len(history)
    step_s = span_s / POINTS
    known = [point.time_s for point in history.within(end_s, span_s)]
    at_s = max(end_s - span_s, past.first_s)
    while at_s <= min(end_s, past.last_s):
        if not any(abs(at_s - time_s) < step_s for time_s in known):
            found = await source.at(at_s)
            if found.get("overview"):
                history.add(found["overview"])
        at_s += step_s
    return len(history) - before
