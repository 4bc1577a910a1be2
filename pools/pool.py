"""One pool: its workers, its limits, what it holds.

Owns the seats of its workers and the resources they share. Which agents live here is the placement's knowledge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pools.errors import PoolUnavailable
from pools.events import Event
from pools.gauges import DONE, FAILED
from pools.healing import Finding
from pools.link import Link
from pools.placement import owner_of
from pools.pressure import Pressure
from pools.share import CpuShare
from pools.sizes import Sizes
from pools.spec import PoolSpec
from pools.station import Station

__all__ = ["Pool", "pss_bytes"]

#: Seconds that workers get to say that they have heard an order: one that hangs is interrupted after about as many.
HEARD_S = 2.0


def pss_bytes(pid: int) -> int:
    """Proportional set size of a process in bytes: its own memory plus its part of what it shares; 0 when it is gone."""
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open("rb") as rollup:
            for line in rollup:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0


class Pool:
    """One pool of workers.

    on_found: told which agent leaks.  cpu: how its share of the machine is kept, once its
    workers are up.
    """

    def __init__(
        self,
        number: int,
        spec: PoolSpec,
        seats: list[Station],
        on_found: Callable[[Finding], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self.number = number
        self.spec = spec
        self.seats = seats
        self.cpu: CpuShare | None = None
        self.is_paused = False
        self.memory_bytes = 0
        #: How large processes are; shared with other pools where these are of one engine.
        self.sizes = Sizes(pss_bytes)
        self._pressure = Pressure(spec, seats, on_found, on_event)
        self._seen_work = -1

    @property
    def name(self) -> str:
        """The pool's name."""
        return self.spec.name

    @property
    def state(self) -> str:
        """up, starting, degraded (some workers are not up), down, or paused, whatever else, but for the last but one."""
        states = {seat.state for seat in self.seats}
        if self.is_paused and not states <= {"down", "stopped"}:
            return "paused"
        if states == {"running"}:
            return "up"
        if states <= {"down", "stopped"}:
            return "down"
        return "starting" if states == {"starting"} else "degraded"

    async def pause(self) -> None:
        """Begin no task from outside on its workers, from when this returns until `resume`: what runs ends, the others wait.

        A worker that is down, or starts meanwhile, is told with everything else.  Raises PoolUnavailable where one does not say
        that it has heard; then it hears of it as soon as it can.
        """
        self.is_paused = True
        for seat in self.seats:
            seat.link.hold()
        await self._heard([answer for seat in self.seats if (answer := seat.request_if_up("pause")) is not None])

    async def resume(self) -> None:
        """Begin tasks again. Raises as `pause`."""
        self.is_paused = False
        told = [answer for seat in self.seats if (answer := seat.request_if_up("resume")) is not None]
        for seat in self.seats:
            seat.link.release()
        await self._heard(told)

    async def _heard(self, told: list[asyncio.Future[Any]]) -> None:
        if not told:
            return
        _, late = await asyncio.wait(told, timeout=HEARD_S)
        if late:
            raise PoolUnavailable(
                f"{len(late)} of the workers of pool {self.name} are busy with a task and have not heard within {HEARD_S:g} s; "
                "they will when that has ended"
            )

    def links(self) -> list[Link]:
        """The link to each shard's worker; one link where a worker has all of them."""
        links = [seat.link for seat in self.seats]
        return links if len(links) == 1 else [links[owner_of(shard, len(links))] for shard in range(self.spec.shards)]

    @property
    def open(self) -> int:
        """Tasks in flight or waiting for it."""
        return sum(seat.link.open + seat.link.waiting for seat in self.seats)

    def check_room(self) -> None:
        """Raises PoolUnavailable when the pool takes no new agents now."""
        if self.is_short and self.spec.mem_bytes is not None:
            raise PoolUnavailable(
                f"pool {self.name} uses {self.memory_bytes / 1e6:,.0f} MB of its {self.spec.mem_bytes / 1e6:,.0f} MB (mem); "
                "it takes no new agents until it is below"
            )

    def requests(self, verb: str, **facts: Any) -> list[asyncio.Future[Any]]:
        """Ask every worker for something. Raises PoolUnavailable."""
        return [seat.request(verb, **facts) for seat in self.seats]

    def tell(self, verb: str, **facts: Any) -> None:
        """Have every worker take an order; those that are down are told with everything else when they start."""
        for seat in self.seats:
            seat.request_if_up(verb, **facts)

    def measure(self, *, always: bool = False) -> int:
        """Read the memory of the workers in bytes; without `always` only where something is under way, or was done since."""
        work = sum(seat.cells[DONE] + seat.cells[FAILED] for seat in self.seats)
        if work == self._seen_work and not self.open and not always:
            return self.memory_bytes
        self._seen_work = work
        self.memory_bytes = sum(pss_bytes(seat.pid) for seat in self.seats if seat.pid is not None)
        return self.memory_bytes

    def size_bytes(self) -> int:
        """The memory of the workers in bytes, as it was at most a few seconds ago."""
        return sum(self.sizes.of(seat.pid) for seat in self.seats if seat.pid is not None)

    def watch_memory(self) -> None:
        """Compare the memory with its limit, and do what is to be done past it."""
        if self.spec.mem_bytes is not None:
            self._pressure.look(self.measure(), self.spec.mem_bytes)

    @property
    def is_short(self) -> bool:
        """Whether its memory is past the soft limit."""
        return self._pressure.is_short
