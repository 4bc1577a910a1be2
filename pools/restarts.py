"""Whether a worker that died may be started again, and when.

Pure: time and chance come in as arguments. The budget is a number of deaths in a window of monotonic time, counted only
while the worker gets nothing done, as a supervisor in Erlang/OTP counts restarts (supervisor.erl, intensity and period).
"""

from __future__ import annotations

from collections import deque
from random import Random

from pools.spec import RESTART_WINDOW_S, RESTARTS

__all__ = ["RestartBudget"]

#: Seconds before the first new start, doubled with each further death of the window, and the longest wait.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 5.0
#: A wait is drawn from this share of it up to all of it, so that workers that died together do not start together.
JITTER = 0.5


class RestartBudget:
    """The deaths of one worker. restarts: how many it may have in window_s seconds."""

    def __init__(self, chance: Random, *, restarts: int = RESTARTS, window_s: float = RESTART_WINDOW_S) -> None:
        self._chance = chance
        self._restarts = restarts
        self._window_s = window_s
        self._deaths: deque[float] = deque()

    def died(self, now_s: float, *, has_worked: bool) -> float | None:
        """Note a death. Returns the seconds to wait before the next start, None when the budget is spent.

        has_worked: whether a task ended well since the last start; if so, earlier deaths are forgiven, and it starts at once.
        """
        if has_worked:
            self._deaths.clear()
        while self._deaths and self._deaths[0] <= now_s - self._window_s:
            self._deaths.popleft()
        self._deaths.append(now_s)
        if len(self._deaths) > self._restarts:
            return None
        if has_worked:
            return 0.0
        wait_s = min(FIRST_WAIT_S * 2.0 ** (len(self._deaths) - 1), LONGEST_WAIT_S)
        return wait_s * (1 - JITTER * self._chance.random())
