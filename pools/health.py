"""Errors and recoveries of one engine, counted, and how many of both there were in the last minute.

Owns what is an error (a task that failed in a worker, a process that ended by itself) and what a recovery (an agent that is as
it was before a task that failed, one that got a new object, one that ended its trial or was released, a worker that is back).
Each is counted once where it happens; here they are added up, and nothing is estimated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pools.gauges import FAILED, RESTARTED

__all__ = ["WINDOW_S", "Health", "Minute"]

#: Seconds of the sliding window: rates are per minute.
WINDOW_S = 60.0


class Place(Protocol):
    """A worker's place, as far as it is counted."""

    cells: memoryview
    state: str
    restarts: int
    returns: int


class Minute:
    """How much a count, which began at 0, has grown in the last WINDOW_S seconds: exact to the time between two looks."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def look(self, total: int, now_s: float) -> None:
        """Note a count. now_s: monotonic seconds, never less than before."""
        self._seen.append((now_s, total))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - WINDOW_S:
            self._seen.popleft()

    def grown(self, total: int, now_s: float) -> int:
        """By how much a count is larger than it was at the last look that is a window ago."""
        before = 0
        for at_s, seen in self._seen:
            if at_s > now_s - WINDOW_S:
                break
            before = seen
        return max(total - before, 0)


class Health:
    """The counts. seats: every worker's place.  mends: recoveries of agents that the engine ordered, by what they were."""

    def __init__(self, seats: Sequence[Place], mends: Mapping[str, int]) -> None:
        self._seats = seats
        self._mends = mends
        self._errors = Minute()
        self._recoveries = Minute()

    @property
    def errors(self) -> dict[str, int]:
        """Tasks that failed, and workers that ended by themselves, since the engine began."""
        away = sum(seat.restarts + (seat.state in ("backoff", "down")) for seat in self._seats)
        return {"tasks": sum(seat.cells[FAILED] for seat in self._seats), "workers": away}

    @property
    def recoveries(self) -> dict[str, int]:
        """Agents that were restarted, replaced, found well after a trial, or released; workers that came back."""
        restarted = sum(seat.cells[RESTARTED] for seat in self._seats)
        return {"restarted": restarted, **self._mends, "workers": sum(seat.returns for seat in self._seats)}

    def look(self, now_s: float) -> None:
        """Note the counts; once a second or so. now_s: monotonic seconds."""
        self._errors.look(sum(self.errors.values()), now_s)
        self._recoveries.look(sum(self.recoveries.values()), now_s)

    def facts(self, now_s: float) -> dict[str, Any]:
        """The counts and the rates, as `stats` has them."""
        errors, recoveries = self.errors, self.recoveries
        return {
            "errors": errors,
            "recoveries": recoveries,
            "errors_per_min": self._errors.grown(sum(errors.values()), now_s),
            "recoveries_per_min": self._recoveries.grown(sum(recoveries.values()), now_s),
        }
