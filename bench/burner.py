"""An agent whose tasks take a known time of cpu, and what that is in turns of a loop on this machine."""

from __future__ import annotations

import time

from engine import Agent

__all__ = ["Burner", "turns_of"]

#: turns of one try, and tries, of which the quickest counts: what else runs makes a try slower, never quicker.
TRY_TURNS, TRIES = 20_000, 15


def burn(turns: int) -> int:
    """Take so many turns; returns what they came to."""
    value = 1
    for turn in range(turns):
        value = (value * 31 + turn) & 0xFFFFFF
    return value


def turns_of(seconds: float) -> int:
    """So many turns take so many seconds of cpu in this process."""
    best_s = float("inf")
    for _ in range(TRIES):
        start = time.process_time()
        burn(TRY_TURNS)
        best_s = min(best_s, time.process_time() - start)
    return max(round(TRY_TURNS * seconds / best_s), 1)


class Burner(Agent):
    """Counts what it has done."""

    tasks: int = 0

    def burn(self, turns: int) -> int:
        """Take so many turns."""
        self.tasks += 1
        return burn(turns)
