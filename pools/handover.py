"""What a worker is asked before it gives way in good order: to put on record how far its unfinished tasks are.

Owns the question and the patience. A worker that is killed by somebody else, or hangs, is not asked and has no time for it: the
newest checkpoints are those that its tasks made themselves then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from pools.errors import PoolError
from pools.logbook import Logbook
from pools.residents import Residents

__all__ = ["ask_for_record", "put_on_record"]

#: Seconds that a worker may take for it: one sync, and the turn of an agent that keeps it busy.
PATIENCE_S = 0.5


class Asked(Protocol):
    """A worker, as far as it is asked."""

    def request(self, verb: str, **facts: Any) -> asyncio.Future[Any]:
        """Ask it for something."""
        ...


async def ask_for_record(seat: Asked, reason: str) -> None:
    """Have a worker record how its unfinished tasks stand; return when that is on the disk, or will not be in time."""
    with contextlib.suppress(PoolError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await seat.request("record", reason=reason)


def put_on_record(kinds: Mapping[str, Residents], logbook: Logbook, order: dict[str, Any]) -> asyncio.Future[int]:
    """Record how each agent stands whose task is under way in this process; the future has their number once that is kept.

    An agent whose task runs in a process of its own is left out: what it has changed so far is there.
    """
    count = 0
    for residents in kinds.values():
        for turn in list(residents.busy.values()):
            running = turn.running
            if running is None or turn.is_alone or not turn.has_begun:
                continue
            task_id = "" if turn.context is None else turn.context.task_id
            logbook.replaced(residents.kind, turn.agent, order["reason"], task=task_id, method=running.method.name)
            count += 1
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    tell = partial(_tell, done, count)
    if not logbook.when_synced(tell):
        tell()
    return done


def _tell(done: asyncio.Future[int], count: int) -> None:
    if not done.done():
        done.set_result(count)
