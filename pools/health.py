"""Errors and recoveries of one engine, counted, and how many of both there were in the last minute.

Owns what is an error (a task that failed in a worker, a process that ended by itself) and what a recovery (an agent that is as
it was before a task that failed, one that got a new object, one that ended its trial or was released, a worker that is back).
Each is counted once where it happens; here they are added up, and nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pools.gauges import FAILED, RESTARTED
from pools.window import Window

__all__ = ["Health"]


class Place(Protocol):
    """A worker's place, as far as it is counted."""

    cells: memoryview
    state: str
    restarts: int
    returns: int


class Health:
    """The counts. seats: every worker's place.  mends: recoveries of agents that the engine ordered, by what they were."""

    def __init__(self, seats: Sequence[Place], mends: Mapping[str, int]) -> None:
        self._seats = seats
        self._mends = mends
        self._errors = Window()
        self._recoveries = Window()

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
            "errors_per_min": int(self._errors.grown(sum(errors.values()), now_s)),
            "recoveries_per_min": int(self._recoveries.grown(sum(recoveries.values()), now_s)),
        }
