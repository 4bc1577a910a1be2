"""One moment at which no store of an engine is written: where each log stood then.

Owns the order: every writer is held, then each has said where it is, then they go on. Since nothing leaves a worker before it
is on the disk, what the logs hold up to there is one history: no message is done there that was not sent, none is struck off
that was not done. It copies nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from pools.errors import PoolError, PoolUnavailable
from pools.pause import Pause
from pools.seat import Seat

__all__ = ["cut"]

#: Seconds that all writers have to say where they are: they wait for each other, and who asks them waits too. So each has to
#: show first that it answers, while none is held: who does not, as it was stopped, holds up nobody.
HOLD_S = 5.0
#: How often it is tried: a worker may die meanwhile, and its next process has written more.
TRIES, PAUSE_S = 20, 0.25


async def cut(seats: Mapping[str, Seat], pauses: Mapping[str, Pause]) -> dict[str, list[int]]:
    """The segment that is written and its bytes, of each store by its folder. Raises PoolUnavailable.

    seats: who writes each worker's store.  pauses: for those that the engine writes itself.
    """
    for _ in range(TRIES):
        pids = [seat.pid for seat in seats.values()]
        with suppress(PoolError, TimeoutError):
            places = await _held(seats, pauses)
            if None not in pids and pids == [seat.pid for seat in seats.values()]:
                return places
        await asyncio.sleep(PAUSE_S)
    away = next((seat for seat in seats.values() if seat.pid is None), None)
    said = "not every worker answers" if away is None else f"worker {away.name} is {away.state}"
    raise PoolUnavailable(f"there was no moment at which every worker was there: {said}; see: engine ps")


async def _held(seats: Mapping[str, Seat], pauses: Mapping[str, Pause]) -> dict[str, list[int]]:
    async with asyncio.timeout(HOLD_S):
        await asyncio.gather(*(seat.request("go_on") for seat in seats.values()))
    try:
        async with asyncio.timeout(HOLD_S):
            asked = [*(seat.request("hold") for seat in seats.values()), *(pause.hold() for pause in pauses.values())]
            return dict(zip([*seats, *pauses], await asyncio.gather(*asked), strict=True))
    finally:
        for pause in pauses.values():
            pause.go_on()
        for seat in seats.values():
            with suppress(PoolError):
                seat.request("go_on")
