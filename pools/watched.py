"""A coroutine whose steps can be seen from outside: which task's code the worker runs now, and since when.

Owns the gauges around each step of an async task, and of the tasks that an agent's code makes for itself (`gather` and the
like), which count as the task that made them. It adds nothing else to the coroutine.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from pools.gauges import BUSY_NS, BUSY_SINCE_NS, POSITION, SECTION, WHO

__all__ = ["Watched", "watch_tasks"]


class Watched(Coroutine[Any, Any, None]):
    """An async task of a worker. number, position: of its section, and its place in it.  clock_ns: monotonic nanoseconds.

    weigh: called before each step, returns what is called after it; None where nobody is weighed.  who: as the gauge says it.
    """

    __slots__ = ("_cells", "_clock_ns", "_coroutine", "_number", "_position", "_weigh", "_who")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, None],
        cells: memoryview,
        number: int,
        position: int,
        clock_ns: Callable[[], int],
        weigh: Callable[[], Callable[[], None] | None] | None = None,
        who: int = 0,
    ) -> None:
        self._coroutine = coroutine
        self._cells = cells
        self._number = number
        self._position = position
        self._clock_ns = clock_ns
        self._weigh = weigh
        self._who = who

    def send(self, value: Any) -> Any:
        """Run to the next point where it waits."""
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Raise within it, at the point where it waits."""
        return self._step(self._coroutine.throw, *error)

    def _step(self, step: Callable[..., Any], *given: Any) -> Any:
        cells = self._cells
        before = cells[SECTION], cells[POSITION], cells[WHO], cells[BUSY_SINCE_NS]
        cells[SECTION], cells[POSITION], cells[WHO] = self._number, self._position, self._who
        cells[BUSY_SINCE_NS] = began_ns = self._clock_ns()
        charge = self._weigh() if self._weigh is not None else None
        try:
            return step(*given)
        finally:
            if charge is not None:
                charge()
            if not before[3]:  # else it is a part of what is counted already
                cells[BUSY_NS] += self._clock_ns() - began_ns
            cells[SECTION], cells[POSITION], cells[WHO], cells[BUSY_SINCE_NS] = before

    @property
    def inner(self) -> Coroutine[Any, Any, None]:
        """The coroutine itself."""
        return self._coroutine

    def close(self) -> None:
        """End it where it waits."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._coroutine.__await__()


def watch_tasks(loop: AbstractEventLoop, cells: memoryview, clock_ns: Callable[[], int]) -> None:
    """Watch every task that is made in a loop from now on, as a part of the task that runs when it is made."""

    def make(_loop: AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        if not isinstance(coroutine, Watched):
            coroutine = Watched(coroutine, cells, cells[SECTION], cells[POSITION], clock_ns, None, cells[WHO])
        return asyncio.Task(coroutine, loop=loop, **more)

    loop.set_task_factory(make)
