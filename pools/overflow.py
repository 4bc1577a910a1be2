"""What becomes of tasks past the backlog's limit.

Owns the choice: the newest of the lowest priority, of the longest lane. How many may wait is the link's business.
"""

from __future__ import annotations

from collections.abc import Callable

from pools.errors import PoolFull, failure_of
from pools.lane import Lane, refuse
from pools.ranked import Ranked

__all__ = ["refuse_overflow"]


def refuse_overflow(queue: Ranked[Lane], most: int, told: Callable[[Lane, int], float] | None) -> None:
    """Refuse what waits beyond `most` tasks.

    told: which lane's, how many; returns in how many seconds there is room for them. None where nobody knows.
    """
    error = PoolFull(f"more than {most:,} tasks wait for one worker; send fewer at a time")
    while (surplus := sum(map(len, queue)) - most) > 0:
        lane = max(filter(len, queue), key=lambda lane: (-lane.priority, len(lane)))
        count = min(surplus, len(lane))
        if told is not None:
            error.retry_after_s = told(lane, count)
        refuse(lane.sink, lane.drop(count), failure_of(error))
