"""Time limits of waits for answers.

Owns until when each wait lasts. Those that end within one tick share a timer: a timer for each would cost as much as the task.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, TimerHandle
from collections.abc import Callable, Iterable
from typing import Any

from pools.errors import TaskExpired

__all__ = ["Expiry"]

#: Seconds by which a wait may end late, at the most; it never ends early.
TICK_S = 0.002


class Expiry:
    """Fails those futures that have no result in time. on_late: told of them, as they fail."""

    def __init__(self, loop: AbstractEventLoop, on_late: Callable[[set[Future[Any]]], None]) -> None:
        self._loop = loop
        self._on_late = on_late
        #: What is waited for until the end of each tick: an address, a method, and the seconds.
        self._waits: dict[int, dict[Future[Any], tuple[str, Any, float]]] = {}
        self._timers: dict[int, TimerHandle] = {}
        self._ticks: dict[Future[Any], int] = {}

    def __len__(self) -> int:
        return len(self._ticks)

    def limit(self, future: Future[Any], address: str, method: Any, timeout_s: float) -> None:
        """Have a future fail with TaskExpired unless it is done, or ended, within so many seconds."""
        tick = int((self._loop.time() + timeout_s) / TICK_S) + 1
        waits = self._waits.get(tick)
        if waits is None:
            waits = self._waits[tick] = {}
            self._timers[tick] = self._loop.call_at(tick * TICK_S, self._expire, tick)
        waits[future] = address, method, timeout_s
        self._ticks[future] = tick

    def end(self, futures: Iterable[Future[Any]]) -> None:
        """Some futures, with or without a limit, have their answer."""
        for future in futures:
            tick = self._ticks.pop(future, None)
            if tick is not None:
                waits = self._waits[tick]
                del waits[future]
                if not waits:
                    del self._waits[tick]
                    self._timers.pop(tick).cancel()

    def _expire(self, tick: int) -> None:
        del self._timers[tick]
        late = set()
        for future, (address, method, timeout_s) in self._waits.pop(tick).items():
            del self._ticks[future]
            if not future.done():
                future.set_exception(TaskExpired(f"{address} {method}: no answer within {timeout_s:g} s"))
                late.add(future)
        if late:
            self._on_late(late)
