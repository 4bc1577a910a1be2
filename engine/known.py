"""What an engine knows of itself: the verbs of `Engine` that count, list and show.

Owns their names and what they return. The form of `stats` is `snapshot`'s, that of the overview `overview`'s.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, EngineStopped
from engine.sprinted import Sprinted
from pools.pool import pss_bytes

if TYPE_CHECKING:
    from collections import deque

    from engine.daybook import Daybook
    from engine.detached import Detached
    from engine.foresight import Foresight
    from engine.meter import Meter
    from engine.overview import Overview
    from engine.snapshot import Snapshot
    from engine.tally import Tally
    from pools.breakers import Breakers
    from pools.events import Event
    from pools.swarm import Swarm

__all__ = ["Known"]


class Known(Sprinted, ABC):
    """The part of an engine that is about what it knows."""

    name: str
    durability: str
    started_s: float
    tally: Tally
    _detached: Detached | None
    _meter: Meter | None = None
    _daybook: Daybook | None = None
    events: deque[Event]

    @property
    @abstractmethod
    def swarm(self) -> Swarm:
        """The workers. Raises EngineStopped."""

    @property
    @abstractmethod
    def detached(self) -> Detached:
        """The tasks that were accepted. Raises EngineStopped."""

    @property
    @abstractmethod
    def foresight(self) -> Foresight:
        """What looks at tasks before they are sent. Raises EngineStopped."""

    def memory_bytes(self) -> int:
        """Memory of this process and those it started: the sum of their proportional set sizes."""
        return pss_bytes(os.getpid()) + self.swarm.memory_bytes + sum(pool.measure(always=True) for pool in self.swarm.pools)

    def quarantine(self) -> list[dict[str, Any]]:
        """The records of agents that were found sick, the newest last: what was found, what was tried, their `status`.

        trial: its tasks run in processes of their own.  parked: it takes none.  recovered, released: it is as the others.
        """
        return self.swarm.healer.quarantine.listed()

    async def release(self, agent: str) -> dict[str, Any]:
        """Let an agent out of quarantine; returns its record. Raises BadAddress, UnknownAgent where it is not there."""
        return await self.swarm.healer.release(agent)

    @property
    def breakers(self) -> Breakers:
        """The circuit breakers: `facts()` tells of each, `force(…)` holds them. Raises EngineStopped."""
        return self.swarm.breakers

    def stats(self) -> Snapshot:
        """One consistent snapshot of everything counted."""
        from engine.snapshot import snapshot

        counted = self.swarm, self.tally, self.detached.register.counts(), self.detached.journal.state, self.foresight.report()
        return snapshot(*counted, name=self.name, durability=self.durability, started_s=self.started_s)

    def _metered(self, swarm: Swarm, price: Mapping[str, Any] | None, *, is_kept: bool) -> Meter:
        """What measures these workers from now on."""
        from engine.asked import Asked
        from engine.meter import Meter

        asked = Asked(self.detached.offers.way, swarm.healer.quarantine.sick)
        meter = Meter(swarm, self._counts, asked=lambda seat: asked.count(seat.link), price=price)
        swarm.seconds.append(meter.look)
        if is_kept:
            from engine.daybook import Daybook

            told: Any = {"price": price, "began_s": self.started_s}
            self._daybook = Daybook(swarm, self.tally.strokes, meter, self.detached.journal.count, **told)
            self.detached.watchers.append(self._daybook.landed)
            swarm.seconds.append(self._daybook.look)
        return meter

    async def write_counts(self, time_s: float) -> tuple[int | None, str]:
        """Have the journal hold what is counted at this moment; returns the number of its row there, or None and why not.

        time_s: the moment, in unix time. It is taken before this waits for anything.
        """
        if self._daybook is None:
            return None, "durability is memory: nothing is on the disk"
        number, written = self._daybook.write(time_s)
        try:
            await written
        except EngineError as error:
            return None, str(error)
        return number, ""

    def _end_daybook(self) -> None:
        """Write down what was counted last."""
        daybook, self._daybook = self._daybook, None
        if daybook is not None:
            daybook.close()

    def _counts(self) -> dict[str, int]:
        """The six counts of all tasks."""
        counts = self.tally.as_dict()
        detached = self._detached
        return (
            counts if detached is None else {state: counts[state] + more for state, more in detached.register.counts().items()}
        )

    @property
    def meter(self) -> Meter:
        """What is measured over a while. Raises EngineStopped."""
        if self._meter is None:
            raise EngineStopped("the engine does not run")
        return self._meter

    def overview(self, stats: Mapping[str, Any] | None = None) -> Overview:
        """What a person looks at first: agents, tasks, rates, resources, cost, impact, top performers, alerts.

        stats: a document of `stats` that was made just now; None makes one.
        """
        from engine.alerts import alerts_of
        from engine.overview import Measured, overview
        from engine.rates import rates_of

        meter, swarm = self.meter, self.swarm
        stats = self.stats().as_dict() if stats is None else stats
        rates = rates_of(swarm, stats, meter)
        sprint = next((facts for each in self.sprintings for facts in each.now()), None)
        worths = [worth for each in self.sprintings if (worth := each.worth()) is not None]
        measured = Measured(
            active=meter.active,
            per_min=meter.done_per_min(),
            efficiency=meter.efficiency(),
            cpu=meter.cpu(),
            machine_bytes=meter.machine.mem_bytes,
            network_bytes_per_s=meter.network_bytes_per_s(),
            disk_bytes_per_s=meter.disk_bytes_per_s(),
            sprint=sprint,
            cost=meter.cost(),
            impact={key: sum(worth[key] for worth in worths) for key in worths[0]} if worths else None,
            top=meter.top(),
            alerts=alerts_of(stats, rates, sprint, meter.late_per_min(), swarm.healer.quarantine.sick(), list(self.events)),
            rates=rates,
        )
        return overview(stats, measured)
