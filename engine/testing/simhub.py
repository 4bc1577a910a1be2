"""The engine's side of a simulation: one pool of one worker, with the real seat, links and ways of a swarm.

Owns which agents exist, the way of a task to the worker, and its death and next start. It has no watch, no limits of memory or
processor and no compaction: those are of processes. Tasks that agents run are the worker's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from random import Random
from typing import Any

from checkpoints.simdisk import SimDisk
from engine.everybody import Everybody, Members
from engine.stream import batches
from engine.tally import Tally
from engine.testing.clock import Clock
from engine.testing.faultplan import FaultPlan
from engine.testing.loop import Loop
from engine.testing.simworker import SimProcess, SimWorker
from pools.address import Key
from pools.asks import Asks
from pools.balancer import Balancer
from pools.births import births
from pools.breaker import BreakerSpec
from pools.breakers import Breakers
from pools.channel import Channel
from pools.deadlocks import Deadlocks
from pools.errors import UnknownKind
from pools.events import Event
from pools.gateway import Gateway
from pools.gauges import Gauges
from pools.healing import Finding
from pools.kind import Kind
from pools.link import Link
from pools.newcomers import Newcomers
from pools.placement import Placement
from pools.pool import Pool
from pools.restarts import RestartBudget
from pools.routes import Routes
from pools.sight import Sight
from pools.spec import BACKLOG_TASKS, PoolSpec
from pools.station import Station

__all__ = ["SimHub"]

#: The session that section numbers of a simulation belong to: the worker is another process each time, the engine is not.
SESSION = "51" * 7


class SimHub:
    """What stands before the worker. kinds: by name, each with the reference that a worker would load it by.

    is_kept: whether state outlives the worker, on a disk in memory.  seen: takes what agents send and log.
    """

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        spec: PoolSpec,
        *,
        is_kept: bool,
        chance: Random,
        seen: Callable[[Any], None],
        events: Callable[[Event], None],
    ) -> None:
        self.loop = loop
        self._clock = clock
        self._spec = spec
        self._is_kept = is_kept
        self._chance = chance
        self._seen = seen
        self._on_event = events
        self.disk = SimDisk()
        self.plan = FaultPlan(self.kill)
        self.tally = Tally()
        #: Findings of agents that are not as the others: what, agent, method, task, cause.
        self.found: list[tuple[str, ...]] = []
        self.worker: SimWorker | None = None
        #: The loops of all workers there were; those of the dead are never turned again.
        self.loops: list[Loop] = []
        self._loop_of_worker: Loop | None = None
        self._process: SimProcess | None = None
        self.gauges = Gauges(1)
        self.placement = Placement([spec], spec.agents)
        self.breakers = Breakers(
            BreakerSpec(), [spec.name], clock=clock.monotonic_s, chance=chance, on_change=self._breaker_changed
        )
        self.deadlocks = Deadlocks(lambda kind, key: self.seat if self.placement.has(kind, key) else None, events)
        self.kinds: dict[str, Kind] = {}
        kept: dict[str, Any] = {"is_kept": True, "wall_s": clock.wall_s} if is_kept else {}
        common: dict[str, Any] = {"clock": clock.monotonic_s, "later": loop.call_later, **kept}
        cells = self.gauges.row(0)
        self.seat = Station(
            spec.name,
            link=Link(window=spec.window, sight=Sight(0, self.breakers), **common),
            inner=Link(window=BACKLOG_TASKS, first=2, **common),
            cells=cells,
            budget=RestartBudget(chance),
            launch=self._launch,
            admit=lambda _pid: None,
            orders=self._orders,
            gateway=self._gateway,
            on_spawn=self._spawned,
            on_found=self._on_found,
            on_event=events,
            named=self.placement.named,
        )
        self.pools = [Pool(0, spec, [self.seat], self._on_found, events)]
        self._newcomers = Newcomers(self.placement, self.pools, check_kind=self.check_kind, on_event=events)
        self._newcomers.is_complete = True
        balancer = Balancer(self.placement, self.pools, self.breakers, clock=clock.monotonic_s, chance=chance)
        self.routes = Routes(self.placement, self.pools, self._newcomers, self.breakers, balancer)
        resolve, deal = self.routes.resolve, self.routes.deal
        mapped = partial(batches, resolve=resolve, window=spec.window, tally=self.tally, deal=deal)
        everybody = Everybody(self.members, mapped)
        self.asks = Asks(resolve, loop, self.tally.accept, self.tally.end, everybody.ask)

    # -- the worker ----------------------------------------------------------------------------------------------------

    def _launch(self) -> SimProcess:
        loop = Loop(self._clock)
        process = SimProcess(partial(self._end, loop))
        process.begin()
        self._loop_of_worker, self._process = loop, process
        self.loops.append(loop)
        self.worker = worker = SimWorker(
            loop,
            self.gauges,
            clock=self._clock,
            disk=self.disk,
            chance=self._chance,
            plan=self.plan,
            seen=self._seen,
            found=lambda *facts: self.found.append(facts),
            die=partial(self._end, loop),
            known=self.kinds,
        )
        channel = Channel(worker.on_message, worker.on_closed, self._clock.wall_s)
        worker.attach(channel)
        sock = process.far_socket
        sock.setblocking(False)
        loop.create_task(loop.create_connection(lambda: channel, sock=sock))
        return process

    @property
    def turning(self) -> list[Loop]:
        """The loops that live."""
        return [self.loop] if self._loop_of_worker is None else [self.loop, self._loop_of_worker]

    @property
    def moved_bytes(self) -> int:
        """What the worker has read and written; while it changes, something is on its way."""
        channel = None if self.worker is None else self.worker.channel
        return 0 if channel is None else channel.bytes_in + channel.bytes_out

    @property
    def is_busy(self) -> bool:
        """Whether something outside of all loops is under way: a commit, or a call in a thread."""
        is_committing = self.worker is not None and self.worker.is_committing
        return is_committing or any(loop.outside for loop in self.turning)

    def kill(self) -> None:
        """End the worker's process where it stands."""
        if self._loop_of_worker is not None:
            self._end(self._loop_of_worker, -9)

    def _end(self, loop: Loop, status: int) -> None:
        """The process of a loop is no more: nothing in it runs on, and the seat hears of it."""
        if loop is not self._loop_of_worker or self.worker is None or self._process is None:
            return
        worker, process = self.worker, self._process
        self._loop_of_worker = self.worker = self._process = None
        worker.end(is_orderly=status == 0)
        self.loop.call_soon(process.ended, status)
        if loop.is_running():
            loop.stop()

    def _orders(self) -> list[dict[str, Any]]:
        """What a new process is told."""
        store = {"folder": "sim/0", "session": SESSION, "is_synced": True, "answers": 100_000}
        orders: list[dict[str, Any]] = [
            {
                "verb": "setup",
                "pool": self._spec.name,
                "row": 0,
                "shards": self._spec.shards,
                "owned": list(range(self._spec.shards)),
                "mailbox": self._spec.mailbox,
                "sleep_after_s": self._spec.sleep_after_s,
                "paths": [],
                "kinds": [],
                "breaker": asdict(self.breakers.spec),
                "store": store if self._is_kept else None,
            }
        ]
        orders += [{"verb": "kind", "reference": name} for name in self.kinds]
        for kind in self.placement.kinds():
            orders += births(kind, self.placement.parts_of(kind, 0), list(self.placement.names_of(kind, 0)))
        return orders

    def _gateway(self, channel: Channel) -> Gateway:
        heard = self.deadlocks.heard
        return Gateway(self.routes.resolve_inner, channel, self.loop.call_soon, _uncounted, _uncounted, waits=heard)

    def _breaker_changed(self, name: str, text: str) -> None:
        self._on_event(Event(name, text, self._clock.wall_s()))

    def _on_found(self, finding: Finding) -> None:
        self.found.append(tuple(map(str, finding)))

    def _spawned(self, kind: str, key: Key, confirm: Callable[[], None]) -> None:
        self._newcomers.spawned(kind, key, confirm)
        confirm()

    # -- agents --------------------------------------------------------------------------------------------------------

    def add_kind(self, kind: Kind) -> None:
        """Have a kind that is known from now on."""
        self.kinds[kind.name] = kind
        if kind.made.is_made_on_use is True:
            self._newcomers.on_use.add(kind.name)

    def check_kind(self, kind: str) -> None:
        """Raises UnknownKind."""
        if kind not in self.kinds:
            raise UnknownKind(f"no kind {kind!r} is loaded; loaded are: {', '.join(sorted(self.kinds)) or 'none'}")

    def spawn(self, kind: str, count: int, names: list[str]) -> int:
        """Make agents exist; returns how many did not. Raises TooManyAgents, UnknownKind."""
        self.check_kind(kind)
        added = 0
        for part in self.placement.add_range(kind, count) if count else []:
            self.seat.request_if_up("ranges", kind=kind, ranges=[[part.start, part.stop]])
            added += part.stop - part.start
        for fresh in self.placement.add_names(kind, names).values() if names else []:
            self.seat.request_if_up("names", kind=kind, names=fresh)
            added += len(fresh)
        return added

    def members(self, kind: str) -> Members:
        """The agents of a kind. Raises UnknownKind."""
        if not self.placement.count_of(kind):
            self.check_kind(kind)
        ranges = [(part.start, part.stop) for part in self.placement.parts_of(kind, 0)]
        return Members(sorted(ranges), list(self.placement.names_of(kind, 0)))

    def close(self) -> None:
        """End everything."""
        self.seat.state = "stopped"
        self.deadlocks.stop()
        if self._loop_of_worker is not None:
            self._end(self._loop_of_worker, 0)
        for loop in [*self.loops, self.loop]:
            loop.finish()
        self.gauges.close()


def _uncounted(*_facts: Any) -> None:
    """Messages between agents are counted by the worker that sends them."""
