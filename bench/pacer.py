"""Tasks at a given rate whatever becomes of those before, each measured from the moment at which it was due: an open loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

__all__ = ["Sent", "pace"]

#: Seconds between two looks at what is due.
TICK_S = 0.002

#: When it was due and when it ended, in the loop's seconds, and its value, or its error.
Sent = tuple[float, float, object]


async def pace(send: Callable[[], Future[object]], rate: float, seconds: float) -> list[Sent]:
    """Send `rate` tasks a second for so many seconds; returns what became of each, once all have ended."""
    loop = asyncio.get_running_loop()
    ended: list[Sent] = []
    open_: set[Future[object]] = set()
    began_s = loop.time()
    count = 0
    while (now_s := loop.time() - began_s) < seconds:
        while count < now_s * rate:
            due_s = began_s + count / rate
            count += 1
            future = send()
            open_.add(future)

            def end(done: Future[object], due_s: float = due_s) -> None:
                open_.discard(done)
                ended.append((due_s, loop.time(), done.exception() or done.result()))

            future.add_done_callback(end)
        await asyncio.sleep(TICK_S)
    while open_:
        await asyncio.wait(list(open_))
    return ended
