"""All pools of one engine.

Owns the workers, where agents live and the way of a task to them. It is the top of this floor: an engine has one. It reads
no configuration and opens no listening socket.
"""

from __future__ import annotations

import asyncio
import os
import time
from asyncio import Future
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

from checkpoints.spec import SESSION_BYTES
from checkpoints.stamp import stamp
from pools.absent import reference_to
from pools.address import Key
from pools.balancer import Balancer
from pools.breaker import BreakerSpec
from pools.breakers import Breakers
from pools.briefing import Briefing
from pools.channel import Channel
from pools.cut import cut
from pools.deadlocks import Deadlocks
from pools.deploys import Deploys
from pools.errors import BadArgument, KindNotLoaded, WorkerDied
from pools.events import Event
from pools.gates import Gates
from pools.gateway import Gateway
from pools.healer import Healer
from pools.health import Health
from pools.keep import Keep, Recovered, recovered
from pools.limits import Limits
from pools.link import Link
from pools.listing import Listing
from pools.newcomers import Newcomers
from pools.pause import Pause
from pools.placement import Placement
from pools.pool import Pool, pss_bytes
from pools.populace import Populace
from pools.quarantine import Quarantine
from pools.quota import Quotas
from pools.removals import Removals
from pools.repertoire import Repertoire
from pools.restarts import RestartBudget
from pools.routes import Routes
from pools.seat import Seat
from pools.sight import Sight
from pools.spares import Spares
from pools.spec import AGENTS_TOTAL, BACKLOG_TASKS, PoolSpec
from pools.station import Station
from pools.usage import wanted_s
from pools.valve import Valve
from pools.watch import Watch
from pools.ways import Ended

if TYPE_CHECKING:
    from pools.choices import Choices
    from pools.compactor import Compactor
    from pools.roster import Roster

__all__ = ["Swarm"]

#: Seconds between two looks at whether the open tasks have ended, while the engine stops.
DRAIN_S = 0.005
#: Seconds that a worker gets to close its log where open tasks have taken all the others; killed then, it loses nothing.
CLOSE_S = 1.0


class Swarm(Populace):
    """The pools of one engine.

    kinds: references of the kinds that every worker loads.  paths: folders at the end of the workers' import path.
    environ: what the workers inherit.  spares: processes that were started ahead, with the gauges they share.
    keep: None keeps state in memory only.  breaker: when breakers open.  quotas: what each kind and tenant may take.
    on_event: told what happens.  on_said: told what agents and workers say.
    """

    def __init__(
        self,
        specs: Sequence[PoolSpec],
        *,
        name: str,
        kinds: Iterable[str] = (),
        paths: Iterable[str] = (),
        limit: int = AGENTS_TOTAL,
        environ: Mapping[str, str],
        spares: Spares | None = None,
        seed: int | None = None,
        keep: Keep | None = None,
        breaker: BreakerSpec | None = None,
        quotas: Quotas | None = None,
        on_event: Callable[[Event], None],
        on_said: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._keep = keep
        self.without = frozenset() if keep is None else keep.without
        #: Tells a worker which answers it knows by their numbers, of all that ever asked it.
        self._session = os.urandom(SESSION_BYTES - 1).hex()
        self.roster: Roster | None = None
        self._compactor: Compactor | None = None
        self._kept = 0
        #: Who was chosen for what clients may send again; None where nothing is kept.
        self.choices: Choices | None = None
        self.placement = Placement(specs, limit)
        self.repertoire = Repertoire(kinds, paths)
        self._on_event = on_event
        self._chance = Random(seed)
        self._spares = spares or Spares(sum(spec.workers for spec in specs), environ, is_kept=keep is not None)
        self._spares.hearing.on_event = on_said
        self.gauges = self._spares.gauges
        self.deadlocks = Deadlocks(self._seat_at, on_event)
        self.healer = Healer(Quarantine(self._keep_sick), self._order_for, on_event)
        rows = count()
        self._name = name
        self.pools: list[Pool] = []
        names = [spec.name for spec in specs]
        changed, clock = self._breaker_changed, time.monotonic
        self.breakers = Breakers(breaker or BreakerSpec(), names, clock=clock, chance=self._chance, on_change=changed)
        self.gates = Gates(quotas or Quotas(), on_event, now_s=time.monotonic())
        self._briefing = Briefing(
            self.placement,
            self.repertoire.references,
            self.repertoire.paths,
            keep=keep,
            session=self._session,
            breakers=self.breakers,
            sick=self.healer.orders,
            code_of=lambda pool, worker: self.deploys.code_of(self.pools[pool].seats[worker]),
            is_paused=lambda pool: self.pools[pool].is_paused,
        )
        self.breakers.on_held = lambda pool, target, state: self.pools[pool].tell("outside", target=target, state=state)
        self._newcomers = Newcomers(self.placement, self.pools, check_kind=self.check_kind, on_event=on_event)
        self.pools += [self._pool(number, spec, rows) for number, spec in enumerate(specs)]
        self.sizes = self.pools[0].sizes
        for each in self.pools:
            each.sizes = self.sizes
        self.deploys = Deploys(
            lambda: self.seats,
            self.placement,
            self.repertoire,
            self._briefing,
            self._spares,
            on_loaded=self._learn,
            on_event=on_event,
        )
        balancer = Balancer(self.placement, self.pools, self.breakers, chance=self._chance)
        self.routes = Routes(self.placement, self.pools, self._newcomers, self.breakers, balancer)
        if keep is not None:
            from pools.compactor import Compactor  # who keeps nothing needs none of it

            self._restore(keep)
            self._compactor = Compactor(list(self._stores(keep).items()), environ, None, on_event)
        self.removals = Removals(self.placement, self.pools, self.roster, self.healer.forget, on_event)
        self._newcomers.is_going = self.removals.is_going
        self.listing = Listing(self.placement, self.pools)
        self.health = Health(self.seats, self.healer.mends)
        #: Called each second, with monotonic seconds.
        self.seconds: list[Callable[[float], None]] = [self.health.look]
        self._limits = Limits(name, self.pools, self.seconds)
        self.watch = Watch(self.seats, self.healer.found, on_event)

    def _restore(self, keep: Keep) -> None:
        """Take up the agents that were kept. Raises CheckpointError, StateUnreadable."""
        from pools.choices import Choices
        from pools.roster import Roster

        roster = self.roster = self._newcomers.roster = Roster(keep.roster, self.placement.pools, is_synced=keep.is_synced)
        count = self._kept = roster.restore(self.placement)
        self.healer.quarantine.restore(roster.sickness())
        self.choices = Choices(keep.choices, stamp(time.time()))
        self.routes.balancer.sticky, self.routes.balancer.on_stick = roster.sticky(), roster.stuck
        for kind, (reference, paths) in roster.classes().items():
            self.repertoire.add([reference_to(kind) if kind in self.without else reference], paths)
        self.deploys.restore(roster)
        for seat in self.seats:
            seat.number = self.deploys.begins_with
        if count:
            self._on_event(Event("agents.kept", f"{count:,} agents were kept in {keep.folder}", time.time()))

    def _breaker_changed(self, name: str, text: str) -> None:
        self._on_event(Event(name, text, time.time()))

    def _pool(self, number: int, spec: PoolSpec, rows: Iterator[int]) -> Pool:
        seats = [self._seat(number, spec, worker, next(rows)) for worker in range(spec.workers)]
        return Pool(number, spec, seats, self.healer.found, self._on_event)

    def _seat(self, number: int, spec: PoolSpec, worker: int, row: int) -> Station:
        cells = self.gauges.row(row)
        kept: dict[str, Any] = {} if self._keep is None else {"is_kept": True, "wall_s": time.time}
        common = {"clock": time.monotonic, "later": asyncio.get_running_loop().call_later} | kept
        valve = Valve(spec.window, self.gates, clock=time.monotonic)
        seat = Station(
            spec.worker(worker),
            link=Link(window=spec.window, histogram=cells, sight=Sight(number, self.breakers), valve=valve, **common),
            inner=Link(window=BACKLOG_TASKS, first=2, **common),
            cells=cells,
            budget=RestartBudget(self._chance),
            launch=self._spares.take,
            admit=lambda pid: self._limits.admit(self.pools[number], pid),
            orders=partial(self._briefing.orders, number, worker, row),
            gateway=self._inner_gateway,
            on_spawn=self._newcomers.spawned,
            on_found=self.healer.found,
            on_event=self._on_event,
            named=self.placement.named,
        )
        seat.pool = number
        seat.folder = None if self._keep is None else self._keep.store(spec.name, worker)
        valve.used_s = lambda: wanted_s(seat.pid)
        return seat

    def _seat_at(self, kind: str, key: Key) -> Seat | None:
        place = self.placement.worker_if_any(kind, key)
        return None if place is None else self.pools[place[0]].seats[place[1]]

    def _order_for(self, verb: str, kind: str, key: Key, facts: dict[str, Any]) -> Future[Any] | None:
        """Send the worker of an agent an order; None where there is none to take it."""
        seat = self._seat_at(kind, key)
        return None if seat is None else seat.request_if_up(verb, kind=kind, key=key, **facts)

    def _keep_sick(self, agent: str, entry: dict[str, Any]) -> None:
        if self.roster is not None:
            self.roster.sick(agent, entry, self._on_event)

    # -- life ----------------------------------------------------------------------------------------------------------

    @property
    def seats(self) -> list[Station]:
        """The workers of all pools."""
        return [seat for pool in self.pools for seat in pool.seats]

    def launch(self) -> list[Future[Any]]:
        """Start every worker; each future is done when one is ready. Raises OSError where none can be started."""
        self._spares.watch(asyncio.get_running_loop())
        return [seat.start() for seat in self.seats]

    async def informed(self) -> None:
        """Wait until every worker has been told what it holds, or has ended before that."""
        await asyncio.gather(*(seat.informed for seat in self.seats))

    async def ready(self, starting: Iterable[Future[Any]]) -> None:
        """Wait until every worker is ready. Raises the first error, such as KindNotLoaded."""
        try:
            await asyncio.gather(*starting)
        except KindNotLoaded as error:
            raise self._with_way_out(error) from error
        self._limits.enforce()
        await self.deploys.resume()
        self.watch.start()
        self.removals.resume()
        await self.forget_absent(*self.without)
        if self._compactor is not None:
            self._compactor.start()

    def _with_way_out(self, error: KindNotLoaded) -> KindNotLoaded:
        """The same error, with what can be done where it is about a class of agents that are kept."""
        classes = {} if self.roster is None else self.roster.classes()
        for kind, (first, _) in classes.items():
            if str(error).startswith(f"{self.deploys.now.reference(first)}: "):
                agents = self.placement.count_of(kind)
                way = f"{agents:,} agents of kind {kind} are kept: mend it, or if it is gone: engine start --without {kind}"
                return KindNotLoaded(f"{error}; {way}", error.trace)
        return error

    @property
    def recovered(self) -> Recovered | None:
        """What was read when this engine and its newest workers began; None where nothing is kept."""
        found = (seat.found for seat in self.seats if seat.found is not None)
        return None if self._keep is None else recovered(self._kept, list(found))

    def _stores(self, keep: Keep) -> dict[str, Seat]:
        return {keep.store(pool.name, number): seat for pool in self.pools for number, seat in enumerate(pool.seats)}

    async def cut(self, pauses: Mapping[str, Pause]) -> dict[str, list[int]]:
        """One moment of everything that is kept: segment and bytes of each store, by its folder in the data folder.

        pauses: the stores of this process, and what stops their writing.  Raises PoolUnavailable.
        """
        if self._keep is None:
            return {}
        places = await cut(self._stores(self._keep), pauses)
        return {folder.removeprefix(f"{self._keep.folder}/"): place for folder, place in places.items()}

    @property
    def memory_bytes(self) -> int:
        """Memory of the process that workers are forked from: the set size in proportion to what it shares with them."""
        return pss_bytes(self._spares.forks_from) if self._spares.forks_from is not None else 0

    @property
    def own_bytes(self) -> int:
        """The same and that of this process, as it was at most a few seconds ago."""
        forks = self._spares.forks_from
        return self.sizes.of(os.getpid()) + (0 if forks is None else self.sizes.of(forks))

    def kill(self) -> None:
        """End every worker at once, without a loop to wait in."""
        for seat in self.seats:
            if seat.process is not None:
                seat.process.kill()
        self._spares.close()
        self._close_kept()

    async def stop(self, grace_s: float) -> None:
        """End every worker, once its open tasks have ended; those that do not end within grace_s seconds are killed."""
        self._limits.forget()
        await self.deploys.stop()
        self.watch.stop()
        self.deadlocks.stop()
        if self._compactor is not None:
            await self._compactor.stop()
        deadline_s = time.monotonic() + grace_s
        while time.monotonic() < deadline_s and any(seat.link.open for seat in self.seats if seat.state == "running"):
            await asyncio.sleep(DRAIN_S)
        await asyncio.gather(*(seat.stop(max(deadline_s - time.monotonic(), min(grace_s, CLOSE_S))) for seat in self.seats))
        await self._limits.lift()
        self._spares.close()
        self._close_kept()

    def _close_kept(self) -> None:
        if self.roster is not None:
            self.roster.close()
        if self.choices is not None:
            self.choices.close()

    # -- kinds and agents ----------------------------------------------------------------------------------------------

    async def load(self, reference: str, paths: Iterable[str] = ()) -> str:
        """Load a kind in every worker; returns its name. Raises KindNotLoaded with the user's own traceback.

        Where there are agents to lose, a process of its own loads it first.
        """
        known = self.repertoire
        fresh = [path for path in paths if path not in known.paths]
        if self.placement.count and reference not in known.references:
            await self._spares.probe(reference, [*known.paths, *fresh])
        codes = [(seat, self.deploys.code_of(seat)) for seat in self.seats]
        requests = [seat.request("kind", reference=code.reference(reference), paths=fresh) for seat, code in codes]
        answers = await asyncio.gather(*requests, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, WorkerDied):
                raise KindNotLoaded(f"{reference}: a worker ended while it loaded this: {answer}") from answer
            if isinstance(answer, BaseException):
                raise answer
        known.add([reference], fresh)
        kind = self._learn(answers[0])  # type: ignore[arg-type]
        known.first[kind] = reference
        is_kept = self.roster is None or kind in self.without or self.roster.classes().get(kind, ("",))[0] == reference
        if self.roster is not None and not is_kept:
            await self.roster.loaded(kind, reference, known.paths)
        return kind

    def _learn(self, facts: dict[str, Any]) -> str:
        """Take in what a worker tells of a kind; returns its name."""
        kind = self.repertoire.learn(facts)
        self.routes.skills[kind] = frozenset(facts["skills"])
        if facts["concurrency"] is not None:
            self.gates.cap(kind, facts["concurrency"], time.monotonic())
        if facts["is_made_on_use"]:
            self._newcomers.on_use.add(kind)
        return kind

    def settled(self) -> None:
        """Every kind that the engine begins with is loaded: what is not known now does not exist."""
        self._newcomers.is_complete = True

    @property
    def window(self) -> int:
        """Tasks that all workers together take at once."""
        return sum(pool.spec.window * len(pool.seats) for pool in self.pools)

    # -- the way of a task ---------------------------------------------------------------------------------------------

    def gateway(self, channel: Channel, accepted: Callable[[int], None], ended: Ended) -> Gateway:
        """A gateway for tasks from outside. accepted, ended: told how many came, and how they ended."""
        defer, more = asyncio.get_running_loop().call_soon, {"deal": self.routes.deal, "queued": self.queued()}
        gateway = Gateway(self.routes.resolve_key, channel, defer, accepted, ended, **more)  # type: ignore[arg-type]
        gateway.choices = self.choices
        return gateway

    def _inner_gateway(self, channel: Channel) -> Gateway:
        defer, heard = asyncio.get_running_loop().call_soon, self.deadlocks.heard
        queued = self.queued(is_first=False)
        return Gateway(self.routes.resolve_inner, channel, defer, _uncounted, _uncounted, waits=heard, queued=queued)

    def pool(self, name: str) -> Pool:
        """The pool of a name. Raises BadArgument."""
        found = next((pool for pool in self.pools if pool.name == name), None)
        if found is None:
            raise BadArgument(f"no pool {name!r:.80}; there are {', '.join(pool.name for pool in self.pools)}")
        return found


def _uncounted(*_facts: Any) -> None:
    """Messages between agents are counted by the workers that send them, not as tasks."""
