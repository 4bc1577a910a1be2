"""The foresight of one engine: everything that it is made of, put together.

Owns nothing but that: the choice is `foreseen`'s, what there is to choose from the ground's, the ways of the tasks aside's.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any

from engine.aside import AskedAside, GatewayAside, StreamedAside
from engine.excuse import Excuse
from engine.foreseen import Foreseen
from engine.ground import SwarmGround
from engine.parts import Parts
from pools.asks import Asks
from pools.spec import ForesightSpec
from pools.stream import Stream
from pools.swarm import Swarm
from pools.ways import Ended

__all__ = ["Foresight"]


class Foresight:
    """What looks at tasks for a kind before they are sent.

    accepted, ended: told of those that are done in parts.
    """

    def __init__(
        self,
        spec: ForesightSpec,
        swarm: Swarm,
        loop: AbstractEventLoop,
        accepted: Callable[[int], None],
        ended: Ended,
        seed: int = 0,
    ) -> None:
        self._swarm = swarm
        self._loop = loop
        ground = SwarmGround(swarm)
        self.foreseen = Foreseen(spec, ground, time.monotonic, seed)
        if spec.is_on:
            swarm.breakers.excuse = Excuse(self.foreseen, ground, swarm.breakers.spec.failure_rate, time.monotonic)
        # The parts of a task are no tasks that anybody has sent: they are not counted as such.
        self._parts = Parts(Asks(swarm.routes.resolve, loop, _uncounted, _uncounted), self.foreseen)
        #: For tasks that come over the socket; None where foresight is off.
        self.of_gateways = GatewayAside(self.foreseen, self._parts, loop) if spec.is_on else None
        #: For accepted tasks; the same.
        self.of_accepted = self.foreseen if spec.is_on else None
        self._told = accepted, ended

    def watch(self, asks: Asks) -> None:
        """Have the tasks for a kind that one sender sends singly be looked at too."""
        if self.foreseen.spec.is_on:
            asks.aside = AskedAside(asks, self.foreseen, self._parts, self._loop, *self._told)

    def of_stream(self, outer: Stream) -> StreamedAside | None:
        """The part of a stream that is judged; None where foresight is off."""
        if not self.foreseen.spec.is_on:
            return None
        routes = self._swarm.routes
        return StreamedAside(outer, routes.resolve, routes.deal, self.foreseen, self._parts, self._loop)

    def report(self) -> dict[str, Any]:
        """How it is set, and whether it is of use, as JSON values."""
        return self.foreseen.report()


def _uncounted(*_facts: Any) -> None:
    """Nobody counts these."""
