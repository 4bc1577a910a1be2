"""A loop whose time is the simulation's, and that is turned by hand.

Owns one loop's turns. It never waits: whoever turns it decides when time passes. It is turned within a loop that runs already,
such as that of an async test, which stands still meanwhile.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import Callable
from typing import Any

from engine.testing.clock import Clock

__all__ = ["Loop"]


class Loop(asyncio.SelectorEventLoop):
    """One loop. unhandled: what no task and no callback has caught."""

    def __init__(self, clock: Clock) -> None:
        self._sim_clock = clock
        super().__init__()
        #: Calls in threads that have not come back.
        self.outside = 0
        self.unhandled: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _loop, context: self.unhandled.append(context))

    def time(self) -> float:
        """Monotonic seconds of the simulation."""
        return self._sim_clock.monotonic_s()

    def turn(self) -> None:
        """Run what is due now, once."""
        outer = events._get_running_loop()
        events._set_running_loop(None)
        try:
            with self._sim_clock.told():
                self.call_soon(self.stop)
                self.run_forever()
        finally:
            events._set_running_loop(outer)

    @property
    def is_due(self) -> bool:
        """Whether something would run at once, sockets aside."""
        next_s = self.next_s
        return bool(self._ready) or (next_s is not None and next_s <= self.time())  # type: ignore[attr-defined]

    @property
    def next_s(self) -> float | None:
        """When the next timer rings, in its own monotonic seconds; None for never."""
        scheduled = self._scheduled  # type: ignore[attr-defined]
        return min((timer.when() for timer in scheduled if not timer.cancelled()), default=None)

    def run_in_executor(  # type: ignore[override]  # the types of what is handed on
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """The same; it is waited for in real time."""
        self.outside += 1
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        future.add_done_callback(lambda _done: self._back())
        return future

    def _back(self) -> None:
        self.outside -= 1

    def finish(self) -> None:
        """Cancel every task and close; what tasks still do is nobody's business."""
        for _ in range(100):
            left = asyncio.all_tasks(self)
            if not left:
                break
            for task in left:
                task.cancel()
            self.turn()
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it ignores its cancellation
        for _ in range(3):
            self.turn()  # what was closed is given back
        self.close()
