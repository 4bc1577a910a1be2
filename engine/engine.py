"""The engine, inside the process that made it.

Owns the swarm of workers for the time of an `async with`, and the verbs that a person uses. The daemon is this engine with a
socket in front of it; `Client` has the same verbs from outside.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio import Future
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from checkpoints.errors import CheckpointError
from engine.accepted import Accepted
from engine.allotment import pools_of
from engine.deployed import DeployedHere
from engine.errors import EngineStopped, StartFailed, Unavailable
from engine.everybody import Everybody, members_of
from engine.foresight import Foresight
from engine.hearer import heard_by
from engine.keys import DURABILITIES
from engine.keyset import KeySet, keyset, spawnable
from engine.known import Known
from engine.looked import LookedHere
from engine.migrated import MigratedHere
from engine.options import priority_of
from engine.places import PlacesHere
from engine.proxy import Proxy
from engine.removed import Removed
from engine.rewound import RewoundHere, recorder_of
from engine.scene import Scene
from engine.senders import Sender, Senders
from engine.spawned import Spawned, check_skills, check_wanted
from engine.stream import batches, singly
from engine.tally import Tally
from engine.tracing.here import TracedHere
from engine.voices import Voices
from pools.agent import Agent
from pools.breaker import BreakerSpec
from pools.errors import StateUnreadable
from pools.events import Event
from pools.keep import keep_in
from pools.quota import Quotas
from pools.registry import kinds_in, name_of, reference_of, root_of
from pools.result import Batch, Result
from pools.spec import ForesightSpec, PoolSpec
from pools.swarm import Swarm

if TYPE_CHECKING:
    from engine.detached import Detached
    from pools.spares import Spares

__all__ = ["Engine"]

#: Tasks of a `map`, as its caller has them.
Tasks = Iterable[Any] | AsyncIterable[Any]
#: Events kept for whoever asks.
EVENTS = 1_000
#: Seconds that workers get to end by themselves.
GRACE_S = 5.0
NOT_STARTED = "the engine does not run; use `async with Engine(...)`, or start it"


class Engine(Accepted, DeployedHere, Known, LookedHere, MigratedHere, RewoundHere, TracedHere):
    """Workers full of agents, and the ways to ask them.

    kinds: agent classes, or references such as `module:Class` and `file.py:Class`.
    pools: specifications, or a pools.yaml; None is one pool with a worker for each processor but one, at least one.
    data: the folder where state is kept; one engine has it at a time.
    durability: `sync`, an answer waits until what it changed is on the disk, the default where there is such a folder; `os`,
    until the kernel has it; `memory`, what a worker held is gone when it dies, the default where there is none.
    agents_limit: most agents in all.  breaker: when breakers open.  limits: what each kind and each tenant may take.
    paths: folders at the end of the workers' import path.  environ, output: the workers' environment, and a descriptor for what
    is printed (None for standard error).  spares: processes started ahead.  seed: for every choice by chance.
    foresight: None as pools.yaml says, else as shipped.  price: what an hour of cpu and machine costs, for the overview; as
    `sprint` takes it.  without: kinds that are kept and whose classes are gone.
    tracing: record traces, which go where OpenTelemetry's variables say (needs the extra `otel`).
    on_event, on_said: called with what happens (the last 1,000 are in `events` anyway), and with what would go to
    `output`; both may raise.  rewind: a folder where what is shown is recorded once a second; None to record nothing.
    """

    def __init__(
        self,
        kinds: Iterable[type[Agent] | str] = (),
        pools: Sequence[PoolSpec] | str | Path | None = None,
        *,
        durability: str | None = None,
        data: str | Path | None = None,
        name: str = "engine",
        agents_limit: int | None = None,
        breaker: BreakerSpec | None = None,
        limits: Quotas | None = None,
        paths: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
        output: int | None = None,
        spares: Spares | None = None,
        seed: int | None = None,
        foresight: ForesightSpec | None = None,
        price: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
        tracing: bool = False,
        on_event: Callable[[Event], None] | None = None,
        on_said: Callable[[Event], None] | None = None,
        rewind: str | Path | None = None,
    ) -> None:
        durability = ("memory" if data is None else "sync") if durability is None else durability
        if durability not in DURABILITIES:
            raise ValueError(f"durability is one of {', '.join(DURABILITIES)}, not {durability!r}")
        if durability != "memory" and data is None:
            raise ValueError(f"durability {durability!r} needs a folder: Engine(…, data='…')")
        if not sys.platform.startswith("linux"):
            raise Unavailable(f"unavailable: the engine needs Linux (pidfd, memfd), this is {sys.platform}")
        self.name = name
        self.durability = durability
        self._keep = None if durability == "memory" else keep_in(str(data), frozenset(without), is_synced=durability == "sync")
        self.tally = Tally()
        self.events: deque[Event] = deque(maxlen=EVENTS)
        self.started_s, self._on_event = time.time(), heard_by(on_event)
        self._kinds, self._wanted_paths = kinds_in(kinds), list(paths)
        classes = {name_of(kind): self._reference(kind) for kind in self._kinds if not isinstance(kind, str)}
        self._allotment = allotment = pools_of(pools, agents_limit, classes)
        self._kinds += allotment.references
        self._references: list[str] = []
        self._environ, self._voices = dict(os.environ if environ is None else environ), Voices(on_said, output)
        self._processes: Any = {"environ": self._environ, "spares": spares, "seed": seed, "on_said": self._voices.hear}
        self._breaker, self._quotas = breaker or allotment.breaker, limits or allotment.quotas
        self._seed, self._foresight_spec = seed, foresight or allotment.foresight
        self._price, self._is_traced, self._folder = price, tracing, None if data is None else Path(data).parent
        self._swarm: Swarm | None = None
        self._detached: Detached | None = None
        self._foresight: Foresight | None = None
        self._senders: Senders | None = None
        self._rewind = rewind
        #: Send a task; await the result for its value: `await engine.ask("counter/17", "add", 2)`. See `pools.asks.Asks.ask`.
        #: It is the sender's own method, so that a task costs one call.
        self.ask: Callable[..., Future[Any]] = _not_started

    # -- life ----------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the workers and wait until they are ready.

        Raises KindNotLoaded with the user's traceback, StartFailed.
        """
        await self.settle(self.launch())

    def launch(self) -> list[Future[Any]]:
        """Start the workers without waiting for them; `settle` takes what this returns. Raises StartFailed."""
        self._references = [self._reference(kind) for kind in self._kinds]
        try:
            self._swarm = swarm = Swarm(
                self._allotment.pools,
                name=self.name,
                paths=self._wanted_paths,
                limit=self._allotment.limit,
                keep=self._keep,
                breaker=self._breaker,
                quotas=self._quotas,
                on_event=self._note,
                **self._processes,
            )
        except (CheckpointError, StateUnreadable) as error:
            raise StartFailed(str(error)) from error
        self._begin_traces(swarm)
        loop, tally = asyncio.get_running_loop(), self.tally
        everybody = Everybody(partial(members_of, swarm), self.map_batches).ask
        self._foresight = Foresight(self._foresight_spec, swarm, loop, tally.accept, tally.end, self._seed or 0)
        self._senders = Senders(swarm, tally, self._note, everybody, self._foresight.watch)
        self.ask = self._senders.get().ask
        try:
            return swarm.launch()
        except OSError as error:
            swarm.kill()
            self._swarm = None
            raise StartFailed(f"a worker could not be started: {error}") from error

    def _accepted(self, swarm: Swarm) -> Detached:
        from engine.detached import Detached

        try:
            told: Any = {"environ": self._environ, "output": None, "on_event": self._note, "listeners": self.listeners}
            told |= {"foreseen": self.foresight.of_accepted, "gates": swarm.gates, "chance": Random(self._seed)}
            told |= self._traced(swarm)
            return Detached(self._keep, routes=swarm.routes, **told)
        except (CheckpointError, StateUnreadable) as error:
            raise StartFailed(str(error)) from error

    async def settle(self, starting: Iterable[Future[Any]]) -> None:
        """Wait until the workers are ready and have the engine's kinds. Raises as `start`."""
        swarm = self.swarm
        ready = asyncio.ensure_future(swarm.ready(starting))
        try:
            await swarm.informed()
            self._detached = self._accepted(swarm)  # while the workers take up what they hold
            self._meter = self._metered(swarm, self._price, is_kept=self._keep is not None)
            self._voices.register = self._detached.register
            await ready
            references = dict.fromkeys([*self._references, *swarm.references])
            await asyncio.gather(*(swarm.load(reference, self._wanted_paths) for reference in references))
            swarm.settled()
        except BaseException:
            ready.cancel()
            await self.stop(grace_s=0)
            raise
        self.detached.start()
        if self._rewind is not None:
            self.recorder = recorder_of(self._rewind, Scene(self), self.note)
            self.recorder.start()

    async def stop(self, *, grace_s: float = GRACE_S) -> None:
        """End the workers, once the tasks that are open have ended or grace_s seconds have passed; what is open then fails.

        A second call does nothing.
        """
        await self._end_recording()
        self._end_daybook()
        swarm, self._swarm, self.ask, self._senders = self._swarm, None, _not_started, None
        detached, self._detached, self._foresight, self._meter = self._detached, None, None, None
        if detached is not None:
            detached.hold()
        if swarm is not None:
            await swarm.stop(grace_s)
        if detached is not None:
            await detached.close()
        await self._end_traces()

    @property
    def swarm(self) -> Swarm:
        """The workers. Raises EngineStopped."""
        if self._swarm is None:
            raise EngineStopped(NOT_STARTED)
        return self._swarm

    @property
    def foresight(self) -> Foresight:
        """What looks at tasks for a kind before they are sent. Raises EngineStopped."""
        if self._foresight is None:
            raise EngineStopped(NOT_STARTED)
        return self._foresight

    @property
    def detached(self) -> Detached:
        """The tasks that were accepted. Raises EngineStopped."""
        if self._detached is None:
            raise EngineStopped(NOT_STARTED)
        return self._detached

    # -- agents --------------------------------------------------------------------------------------------------------

    async def spawn(
        self,
        kind: type[Agent] | str,
        count: int | None = None,
        *,
        add: int | None = None,
        keys: KeySet | Iterable[int | str] | range | None = None,
        warm: bool = False,
        skills: Iterable[str] = (),
    ) -> Spawned:
        """Make agents exist: `count` in all, `add` more, or those with the given keys.

        skills: what those that are made can do, besides what their class says.

        Repeating a count changes nothing. New numbers are the lowest that are free: 0 and on, or where one was removed. A
        range is one operation: objects are made at the first task, or now with `warm` (in batches of 100). Keys are names and
        numbers, or a range of numbers; those that are there already stay as they are.

        Raises UnknownKind, KindNotLoaded, TooManyAgents (then nothing was spawned), ValueError.
        """
        check_wanted(count, add, keys)
        swarm, given = self.swarm, check_skills(skills)
        name = await self._load(kind)
        began_s = time.perf_counter()
        if keys is not None:
            added = await swarm.spawn_keys(name, *spawnable(keys), given)
        else:
            missing = add if add is not None else max((count or 0) - swarm.placement.numbered(name), 0)
            added = await swarm.spawn(name, missing, given) if missing else 0
        if warm:
            await swarm.warm(name)
        total, seconds = swarm.placement.count_of(name), time.perf_counter() - began_s
        return Spawned(kind=name, total=total, added=added, wanted=count, workers=len(swarm.seats), seconds=seconds)

    async def remove(self, kind: type[Agent] | str, keys: KeySet | Iterable[int | str] | range) -> Removed:
        """Remove the agents of a kind with these keys, and what was kept of them; on the disk when this returns.

        Their open tasks fail with UnknownAgent. One that is not there is no error. A removed key may be spawned again, as a
        new agent.  Raises UnknownKind, BadAddress, PoolUnavailable, CheckpointError.
        """
        swarm, name = self.swarm, name_of(kind)
        swarm.check_kind(name)
        ranges, names = meant = keyset(keys)
        began_s = time.perf_counter()
        removed = await swarm.remove(name, ranges, names)
        return Removed(name, removed, meant.total - removed, swarm.placement.count_of(name), time.perf_counter() - began_s)

    async def _load(self, kind: type[Agent] | str) -> str:
        swarm = self.swarm
        if isinstance(kind, str) and ":" not in kind:
            swarm.check_kind(kind)
            return kind
        if not isinstance(kind, str) and name_of(kind) in swarm.kinds and self._reference(kind) in swarm.references:
            return kind.kind
        return await swarm.load(self._reference(kind), self._wanted_paths)

    def _reference(self, kind: type[Agent] | str) -> str:
        if isinstance(kind, str):
            return kind
        if (root := root_of(kind)) is not None and root not in self._wanted_paths:
            self._wanted_paths.append(root)
        return reference_of(kind)

    async def load(self, reference: str, paths: Iterable[str] = ()) -> str:
        """Load a kind in every worker; returns its name. Raises KindNotLoaded."""
        return await self.swarm.load(reference, paths)

    def agent(self, kind: type[Agent] | str, key: str | int) -> Proxy:
        """An agent whose methods can be called: `await engine.agent(Counter, 17).add(2)`."""
        return Proxy(self.ask, f"{name_of(kind)}/{key}")

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def sender(self, *, priority: str = "normal", tenant: str = "") -> Sender:
        """A way to ask with a priority, for a tenant: `await engine.sender(priority="critical").ask("counter/17", "get")`.

        Raises BadArgument for a priority that there is not, EngineStopped.
        """
        if self._senders is None:
            raise EngineStopped(NOT_STARTED)
        return self._senders.get(priority_of(priority), tenant)

    def tell(self, address: str, method: str, *arguments: Any, **named: Any) -> None:
        """Send a task without waiting for its end. Its failure is counted, and an event."""
        self.sender().tell(address, method, *arguments, **named)

    def note(self, name: str, text: str) -> None:
        """Have something that happened among the events."""
        self._note(Event(name, text, time.time()))

    def _note(self, event: Event) -> None:
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)

    def map(self, tasks: Tasks, *, window: int | None = None) -> AsyncIterator[Result]:
        """Run many tasks; results come in the order of completion, each with the id of its task.

        tasks: tuples (address, method, *arguments), whose ids are 0, 1, …; or task lines (objects).
        window: tasks in flight; what the workers take together by default.
        Leaving the loop early cancels what is not done.
        """
        return singly(self.map_batches(tasks, window=window))

    def map_batches(self, tasks: Tasks, *, window: int | None = None) -> AsyncGenerator[Batch, None]:
        """The same in batches, as they come from the workers: their columns cost those who count almost nothing."""
        swarm, routes = self.swarm, self.swarm.routes
        told: Any = {"aside": self.foresight.of_stream, "places": PlacesHere(routes, swarm.gates), "deal": routes.deal}
        told["traced"] = swarm.tracer
        return batches(tasks, resolve=routes.resolve, window=window or swarm.window, tally=self.tally, **told)

    # -- what is kept --------------------------------------------------------------------------------------------------

    async def cut(self) -> dict[str, list[int]]:
        """One moment of everything that is kept: the segment and its bytes of each store, by its folder in `data`.

        What was acknowledged before is there up to these places, whatever is written behind them.  Raises Unavailable where
        state is kept in memory only, PoolUnavailable.
        """
        keep, swarm = self._keep, self.swarm
        if keep is None or swarm.roster is None:
            raise Unavailable("this engine keeps its state in memory only, nothing is on the disk (durability: sync or os)")
        pause = self.detached.journal.pause
        return await swarm.cut({keep.roster: swarm.roster.pause} | ({} if pause is None else {keep.journal: pause}))


def _not_started(*_arguments: Any, **_named: Any) -> Future[Any]:
    raise EngineStopped(NOT_STARTED)
