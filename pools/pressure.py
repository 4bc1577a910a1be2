"""What is done when a pool's memory comes to its limit.

Owns the two steps. Past the soft limit idle agents are put to sleep and every task is weighed. Past the limit itself the agent
that made its worker grow most is named, and its worker gives way to a new process, where its state is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from pools.errors import PoolError
from pools.events import Event
from pools.handover import ask_for_record
from pools.healing import Finding
from pools.seat import Seat
from pools.spec import PoolSpec

__all__ = ["SOFT_MEMORY", "Pressure"]

#: Share of a pool's memory at which idle agents are put to sleep and no new agents are taken.
SOFT_MEMORY = 0.9
#: Bytes that an agent must have grown its worker by, and its share of all growth, before it is called a leaker.
LEAK_BYTES, LEAK_SHARE = 4 * 1024 * 1024, 0.5


class Pressure:
    """The memory of one pool. found: told who leaks.  is_short: it is past the soft limit."""

    def __init__(
        self, spec: PoolSpec, seats: Sequence[Seat], found: Callable[[Finding], None], on_event: Callable[[Event], None]
    ) -> None:
        self.is_short = False
        self._spec = spec
        self._seats = seats
        self._found = found
        self._on_event = on_event
        self._is_over = False
        self._asking: set[asyncio.Task[None]] = set()

    def look(self, memory_bytes: int, limit_bytes: int) -> None:
        """Do what is to be done. memory_bytes: of the pool's workers together."""
        was_short, was_over = self.is_short, self._is_over
        self.is_short = memory_bytes > limit_bytes * SOFT_MEMORY
        self._is_over = memory_bytes > limit_bytes
        used = f"pool {self._spec.name} uses {memory_bytes / 1e6:,.0f} of {limit_bytes / 1e6:,.0f} MB"
        if self.is_short != was_short:
            self._ask("weigh", on=self.is_short)
        if self.is_short and not was_short:
            self._tell("pool.memory", f"{used}: idle agents are put to sleep")
            self._ask("sleep")
        if self._is_over and not was_over:
            self._tell("pool.full", f"{used}, more than it may: who makes it grow is looked for")
        if self._is_over and was_short and not self._asking:
            task = asyncio.get_running_loop().create_task(self._name_leaker(used))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _name_leaker(self, used: str) -> None:
        for seat in self._seats:
            try:
                heaviest = await seat.request("heaviest") if seat.state == "running" else []
            except PoolError:
                continue  # it has died meanwhile
            if not heaviest:
                continue
            agent, method, size_bytes, together = heaviest[0]
            if size_bytes < LEAK_BYTES or size_bytes < together * LEAK_SHARE:
                continue
            cause = f"{used}; this agent made {seat.name} grow by {size_bytes / 1e6:,.0f} MB"
            self._found(Finding("leaked", agent, method, "", cause, "", seat.name))
            if seat.link.is_kept:
                reason = f"{used}, {agent} made it grow; another process takes over its agents"
                await ask_for_record(seat, reason)
                seat.kill(reason)
            else:
                await self._weigh_anew(seat)

    async def _weigh_anew(self, seat: Seat) -> None:
        """Forget what was weighed: the state is in this process only, so it stays, and the leaker runs alone."""
        try:
            await seat.request("weigh", on=True)
        except PoolError:
            return  # it has died meanwhile

    def _ask(self, verb: str, **facts: Any) -> None:
        for seat in self._seats:
            if seat.state == "running":
                seat.request(verb, **facts)

    def _tell(self, name: str, text: str) -> None:
        self._on_event(Event(name, text, time.time()))
