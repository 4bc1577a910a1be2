"""A swarm under test: agents run by the engine's own code, in this process, at the time that the test says.

Owns what a test does with it: ask, let time pass, end the worker, have steps fail, and look. The engine's side stands in
`simhub`, the worker in `simworker`. Nothing here waits for real time, but for commits and calls in threads.
"""

from __future__ import annotations

import random
import time
from asyncio import Future
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from random import Random
from typing import Any, Generic, Self, TypeVar

from engine.detached import Detached
from engine.options import PLAIN, Options, Reference
from engine.submission import submission_of, submit_parts
from engine.testing.clock import BEGIN_S, Clock
from engine.testing.loop import Loop
from engine.testing.seen import Logged, Spawned, Timer, Told
from engine.testing.simhub import SimHub
from engine.testing.stuck import Stuck
from pools.address import key_of, names_in, parse
from pools.agent import Agent
from pools.errors import TaskFailed, UnknownAgent, failure_of
from pools.events import Event
from pools.kind import Kind
from pools.registry import name_of
from pools.spec import PoolSpec

__all__ = ["Asked", "SimSwarm"]

#: Turns of the loops after which agents that keep each other busy without any time passing are called endless.
TURNS = 100_000
#: Seconds that pass by themselves for who waits: the engine's own pauses, such as those around a new worker.
PAUSES_S = 1.0
#: Real seconds that a commit or a call in a thread may take.
OUTSIDE_S = 30.0
#: What is kept of events and of what agents sent and logged: the newest.
KEPT = 100_000

T = TypeVar("T")


class Asked(Generic[T]):
    """A task that was sent. Await it for its value, or call `result`; both let everything happen that happens by itself."""

    def __init__(self, swarm: SimSwarm, future: Future[T], what: str) -> None:
        self._swarm = swarm
        self._future = future
        self._what = what

    def result(self) -> T:
        """The value. Raises what the task failed with; Stuck where time must pass first, or nothing will ever end it."""
        return self._swarm.wait(self._future, self._what)

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()  # all that it waits for happens here
        return self.result()

    @property
    def is_done(self) -> bool:
        """Whether it has ended, with what happens by itself."""
        self._swarm.settle()
        return self._future.done()


class SimSwarm:
    """Agents under test.

    kinds: agent classes, wherever they are defined; `spawn` takes more.  durability: `sync`, state outlives the worker on a
    disk in memory, or `memory`.  seed: of every choice by chance, also of the module `random` while the swarm is there.
    agents_limit: most agents.  mailbox: tasks that wait for one agent.  sleep_after_s: as in `PoolSpec`.
    begin_s: when it begins, in seconds since 1970.
    """

    def __init__(
        self,
        *kinds: type[Agent],
        durability: str = "sync",
        seed: int = 0,
        agents_limit: int = 100_000,
        mailbox: int = 1_000,
        sleep_after_s: float | None = 300.0,
        begin_s: float = BEGIN_S,
    ) -> None:
        if durability not in ("sync", "memory"):
            raise ValueError(f"durability is sync or memory here, not {durability!r}")
        self.seed = seed
        self._clock = Clock(begin_s)
        self._loop = Loop(self._clock)
        self._before = random.getstate()
        random.seed(seed)
        #: What tasks that succeeded have told and spawned, the timers that they set, and what was logged, the newest last.
        self.told: deque[Told] = deque(maxlen=KEPT)
        self.spawned: deque[Spawned] = deque(maxlen=KEPT)
        self.timers: deque[Timer] = deque(maxlen=KEPT)
        self.logged: deque[Logged] = deque(maxlen=KEPT)
        self.events: deque[Event] = deque(maxlen=KEPT)
        self._is_closed = False
        spec = PoolSpec("sim", agents=agents_limit, shards=1, mailbox=mailbox, sleep_after_s=sleep_after_s)
        chance = Random(seed)
        self._hub = SimHub(
            self._loop,
            self._clock,
            spec,
            is_kept=durability == "sync",
            chance=chance,
            seen=self._see,
            events=self.events.append,
        )
        for kind in kinds:
            self._add(kind)
        self._within(self._hub.seat.start)
        self._detached = self._within(lambda: self._accepted(chance))
        self.settle()

    def _accepted(self, chance: Random) -> Detached:
        detached = Detached(
            None,
            routes=self._hub.routes,
            chance=chance,
            environ={},
            output=None,
            on_event=self.events.append,
            wall_s=self._clock.wall_s,
        )
        detached.start()
        return detached

    def _see(self, thing: Told | Spawned | Timer | Logged) -> None:
        lists: dict[type, deque[Any]] = {
            Told: self.told,
            Spawned: self.spawned,
            Timer: self.timers,
            Logged: self.logged,
        }
        lists[type(thing)].append(thing)

    def _within(self, function: Callable[[], T]) -> T:
        """What a function returns that runs in the engine's loop. Raises what it raises."""
        done: list[T] = []
        failed: list[BaseException] = []

        def call() -> None:
            try:
                done.append(function())
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                failed.append(error)

        if self._is_closed:
            raise Stuck("this swarm is closed")
        self._loop.call_soon(call)
        self._loop.turn()
        if failed:
            raise failed[0]
        return done[0]

    def _until_done(self, coroutine: Coroutine[Any, Any, T], what: str) -> T:
        return self.wait(self._within(lambda: self._loop.create_task(coroutine)), what)

    # -- time ----------------------------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """Seconds since the swarm began."""
        return self._clock.now_s

    def settle(self) -> None:
        """Let everything happen that happens without time. Raises Stuck where that has no end."""
        hub, quiet, moved = self._hub, 0, -1
        until_s = time.monotonic() + OUTSIDE_S
        for _ in range(TURNS):
            for loop in hub.turning:
                loop.turn()
            if hub.is_busy:
                if time.monotonic() > until_s:
                    raise Stuck(f"a call in a thread has not come back within {OUTSIDE_S:g} s of real time")
                time.sleep(0.0001)
            if hub.is_busy or any(loop.is_due for loop in hub.turning) or hub.moved_bytes != moved:
                quiet, moved = 0, hub.moved_bytes
                continue
            quiet += 1
            if quiet == 2:
                return
        raise Stuck(
            f"after {TURNS:,} turns there is still something to do, and no time has passed: agents keep each other busy"
        )

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass, and have everything happen that is due meanwhile, in its order."""
        if not seconds >= 0:
            raise ValueError(f"time passes forwards, not by {seconds!r} s")
        self._pass_until(self._clock.now_s + seconds, lambda: False)

    def _pass_until(self, end_s: float, is_enough: Callable[[], bool]) -> None:
        self.settle()
        while not is_enough() and (next_s := self._next_s()) is not None and next_s <= end_s:
            self._clock.now_s = max(next_s, self._clock.now_s)
            self.settle()
        if not is_enough():
            self._clock.now_s = max(end_s, self._clock.now_s)
            self.settle()

    def _next_s(self) -> float | None:
        """When the next timer rings, in seconds since the swarm began."""
        due = [loop.next_s for loop in self._hub.turning]
        rings = [when - self._clock.monotonic_s() for when in due if when is not None]
        return None if not rings else self._clock.now_s + min(rings)

    def wait(self, future: Future[T], what: str) -> T:
        """The value of a future. Raises its error; Stuck."""
        self.settle()
        if not future.done():
            began_s = self._clock.now_s
            self._pass_until(began_s + PAUSES_S, future.done)
        if not future.done():
            next_s = self._next_s()
            if next_s is None:
                raise Stuck(f"{what} will never end: it waits for nothing that is still to happen")
            after_s = next_s - self._clock.now_s
            raise Stuck(
                f"{what} has not ended; the next timer rings in {after_s:.3g} s: keep it, await swarm.advance(…), await it"
            )
        return future.result()

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def ask(self, address: str, method: str, *arguments: Any, timeout_s: float | None = None, **named: Any) -> Asked[Any]:
        """Send a task; await what this returns for its value. As `Engine.ask`.

        It is sent now. One that takes time is awaited after `advance`, or fails with Stuck, and may be awaited again.
        """
        asked = self._hub.asks.ask
        future = self._within(lambda: asked(address, method, *arguments, timeout_s=timeout_s, **named))
        return Asked(self, future, f"{address} {method}")

    def tell(self, address: str, method: str, *arguments: Any, **named: Any) -> None:
        """Send a task whose answer nobody waits for; its failure is an event. As `Engine.tell`."""
        future = self.ask(address, method, *arguments, **named)._future
        future.add_done_callback(lambda done: self._told(address, method, done))
        self.settle()

    def _told(self, address: str, method: str, done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            failure = failure_of(error) if isinstance(error, TaskFailed) else error
            self.events.append(Event("tell.failed", f"{address} {method}: {failure}", self._clock.wall_s()))

    async def submit(self, tasks: Iterable[Any], *, options: Options = PLAIN) -> list[str]:
        """Accept tasks, with `delay_s`, `after`, `retries`, `timeout_s` and so on; returns their ids. As `Engine.submit`."""
        wanted = [submission_of(task, self._clock.wall_s, options) for task in tasks]
        return self._until_done(submit_parts(wanted, self._detached.submit), "submit")

    async def cancel(self, id: Reference) -> dict[str, Any]:
        """Take an accepted task back; returns it as it stands then. As `Engine.cancel`."""
        task = self._until_done(self._detached.cancel(id), f"the end of task {id}")
        return self._within(lambda: self._detached.account.facts(task))

    async def requeue(self, ids: Sequence[Reference] | None = None) -> list[dict[str, str]]:
        """Try tasks again that were not done, all dead letters by default. As `Engine.requeue`."""
        done = self._until_done(self._detached.requeue(ids), "requeue")
        return [{"id": old, "requeued_as": new} for old, new in done]

    async def result(self, id: Reference) -> Any:
        """The value of an accepted task. Raises its error; TaskOpen where it has not ended: let time pass."""
        self._pass_until(self._clock.now_s + PAUSES_S, lambda: self._facts(id)["ended_s"] is not None)
        ended = self._until_done(self._detached.ended(id, 0.0), f"task {id}")
        return ended.outcome()

    def task(self, id: Reference) -> dict[str, Any]:
        """Everything that is known of an accepted task, as `Client.tasks` has it: `state`, `attempts`, `cause`."""
        self.settle()
        return self._facts(id)

    def _facts(self, id: Reference) -> dict[str, Any]:
        return self._within(lambda: self._detached.account.facts(self._detached.register.find(id)))

    # -- agents --------------------------------------------------------------------------------------------------------

    def _add(self, kind: type[Agent]) -> str:
        name = name_of(kind)
        known = self._hub.kinds.get(name)
        if known is not None and known.made is not kind:
            raise ValueError(
                f"kind {name!r} is {known.made.__qualname__} already; give the other one a name: class …(Agent, kind='…')"
            )
        if known is None:
            self._hub.add_kind(Kind(kind))
            if self._hub.seat.state == "running":
                request = self._within(lambda: self._hub.seat.request("kind", reference=name))
                self.wait(request, f"loading {name}")
        return name

    async def spawn(
        self, kind: type[Agent] | str, count: int | None = None, *, add: int | None = None, keys: Sequence[str] | None = None
    ) -> int:
        """Make agents exist: `count` in all, `add` more, or those with the given keys; returns how many are new.

        Raises UnknownKind, TooManyAgents, BadAddress, ValueError.
        """
        if [count, add, keys].count(None) != 2:
            raise ValueError("spawn takes one of count, add and keys")
        name = kind if isinstance(kind, str) else self._add(kind)
        missing = add if add is not None else max((count or 0) - self._hub.placement.numbered(name), 0)
        names = [] if keys is None else list(names_in(keys))
        added = self._within(lambda: self._hub.spawn(name, 0 if keys is not None else missing, names))
        self.settle()
        return added

    def state(self, address: str) -> dict[str, Any]:
        """The fields of an agent as they are now, as JSON gives them back. Raises UnknownAgent, BadAddress.

        Of an agent whose task waits they are what that task has made of them so far.
        """
        self.settle()
        kind, key = parse(address)
        worker = self._hub.worker
        found = None if worker is None else worker.state(kind, key_of(str(key)))
        if found is None:
            raise UnknownAgent(f"no agent {address}{'' if worker else ': the worker is down'}; spawn it first")
        return found

    @property
    def findings(self) -> list[tuple[str, ...]]:
        """What the supervision found of agents: what, agent, method, task, cause and more."""
        return list(self._hub.found)

    @property
    def tasks(self) -> dict[str, int]:
        """The six counts of the tasks that were asked."""
        return self._hub.tally.as_dict()

    # -- faults --------------------------------------------------------------------------------------------------------

    async def kill(self) -> None:
        """End the worker where it stands, as `kill -9` does. The next one starts when time passes, or somebody waits.

        Where state is kept, what was not answered is sent to it again; with `memory` it fails with WorkerDied.
        """
        self._hub.kill()
        self._pass_until(self._clock.now_s + PAUSES_S, lambda: self._hub.seat.state == "running")

    def fail_step(self, agent: str, step: str = "*", error: BaseException | None = None) -> None:
        """Have the next `ctx.step` of this agent with this name fail, without being run. error: what it raises."""
        self._hub.plan.add(agent, step, error or RuntimeError(f"step {step} of {agent} fails, as planned"))

    def kill_after_step(self, agent: str, step: str = "*") -> None:
        """End the worker when the next such step has its value, before its task goes on."""
        self._hub.plan.add(agent, step, None)

    @property
    def planned(self) -> int:
        """Planned faults that have not struck."""
        return len(self._hub.plan.planned)

    def close(self) -> None:
        """End it. A second call does nothing."""
        if not self._is_closed:
            self._within(self._detached.hold)
            self._is_closed = True
            self._hub.close()
            random.setstate(self._before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_facts: object) -> None:
        self.close()
