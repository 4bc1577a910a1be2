"""A loop whose time is virtual: nobody waits, the clock goes to whatever comes next.

Threads are real: while one works the clock stands, so what happens in them takes no virtual time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["VirtualLoop", "run_virtually"]

Found = TypeVar("Found")
#: Seconds that a turn of the loop takes: some, so that what is due in less than a clock can tell comes about.
TURN_S = 1e-9
#: Seconds that a real thread is waited for at once.
THREAD_S = 10.0


class _Selector(selectors.DefaultSelector):
    """Looks at what is there; where nothing is, it lets the loop's clock go on in place of waiting."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.loop.now_s += TURN_S
        found = super().select(0)
        if found or timeout == 0:
            return found
        if self.loop.threads:
            return super().select(THREAD_S)  # a thread wakes the loop when it has ended
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing comes")
        self.loop.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time. now_s: its clock.  threads: how many work for it."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self.now_s = 0.0
        self.threads = 0
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., Found], *args: Any) -> asyncio.Future[Found]:
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._back)
        return future

    def _back(self, _future: object) -> None:
        self.threads -= 1


def run_virtually(work: Callable[[VirtualLoop], Coroutine[Any, Any, Found]]) -> Found:
    """What it returns, in a virtual loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()
