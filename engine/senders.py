"""Ways to ask agents, one for each priority and tenant.

Owns which there are: each has lanes of its own, so that a task pays for neither. What a tenant may take is the gates'
knowledge.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.tally import Tally
from pools.asks import Asks
from pools.errors import Overloaded
from pools.events import Event
from pools.ranked import NORMAL
from pools.tenancy import Tenancy
from pools.tracedasks import TracedAsks

if TYPE_CHECKING:
    from pools.swarm import Swarm

__all__ = ["SENDERS", "Sender", "Senders"]

#: Asks all agents of a kind.
Everybody = Callable[..., Future[Any]]
#: Senders that are remembered; those that are forgotten go on as long as somebody has them.
SENDERS = 1_000
#: Seconds before a task that was refused is tried again, at the most.
AGAIN_S = 1.0


class Sender:
    """Asks agents, each task at one priority and for one tenant."""

    def __init__(self, asks: Asks, on_event: Callable[[Event], None]) -> None:
        self.asks = asks
        #: As `pools.asks.Asks.ask`, which it is.
        self.ask = asks.ask
        self._on_event = on_event

    def tell(self, address: str, method: str, *arguments: Any, **named: Any) -> None:
        """Send a task without waiting for its end. Its failure is counted, and an event."""
        self.ask(address, method, *arguments, **named).add_done_callback(lambda done: self._told(address, method, done))

    def _told(self, address: str, method: str, done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._on_event(Event("tell.failed", f"{address} {method}: {type(error).__name__}: {error}", time.time()))

    async def wait(
        self, address: str, method: str, *arguments: Any, wait_s: float, timeout_s: float | None = None, **named: Any
    ) -> Any:
        """As `ask`, but while there is no room it waits, up to wait_s seconds. Returns the value; raises as `ask`."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while True:
            try:
                return await self._once(address, method, arguments, timeout_s, named)
            except Overloaded as error:
                after_s = min(error.retry_after_s or AGAIN_S, AGAIN_S)
                if loop.time() + after_s > until_s:
                    raise
                await asyncio.sleep(after_s)

    def _once(
        self, address: str, method: str, arguments: tuple[Any, ...], timeout_s: float | None, named: dict[str, Any]
    ) -> Future[Any]:
        return self.ask(address, method, *arguments, timeout_s=timeout_s, **named)


class Senders:
    """The senders of one engine. on_event: told what failed that nobody waits for.  everybody: as for `Asks`.

    watch: looks at what each sends to kinds.
    """

    def __init__(
        self,
        swarm: Swarm,
        tally: Tally,
        on_event: Callable[[Event], None],
        everybody: Everybody,
        watch: Callable[[Asks], None],
    ) -> None:
        self._on_event = on_event
        self._watch = watch
        self._everybody = everybody
        self._swarm = swarm
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._known: OrderedDict[tuple[int, str], Sender] = OrderedDict()

    def get(self, priority: int = NORMAL, tenant: str = "") -> Sender:
        """The sender of a priority and a tenant."""
        known = self._known.get((priority, tenant))
        if known is not None:
            self._known.move_to_end((priority, tenant))
            return known
        while len(self._known) >= SENDERS:
            self._known.popitem(last=False)
        swarm, tally = self._swarm, self._tally
        tenancy = Tenancy(tenant, swarm.gates, time.monotonic) if tenant else None
        told = tally.accept, tally.end, self._everybody
        more: Any = {"priority": priority, "tenant": tenancy}
        if swarm.tracer is not None:
            more |= {"tracer": swarm.tracer, "has_queue": True}
        asks = (Asks if swarm.tracer is None else TracedAsks)(swarm.routes.resolve, self._loop, *told, **more)
        asks.deal = partial(swarm.routes.deal, is_idle_first=True)
        self._watch(asks)
        sender = self._known[priority, tenant] = Sender(asks, self._on_event)
        return sender
