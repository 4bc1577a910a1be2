"""A worker without a process: the real one, in a loop of its own within this process.

Owns what is the process's otherwise: its end, its store on a simulated disk, and the tasks that would run in processes of their
own. Everything else is `pools.worker`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from checkpoints.errors import CheckpointError
from checkpoints.simdisk import SimDisk
from checkpoints.store import open_store
from engine.testing.faultplan import FaultPlan, context_under
from engine.testing.loop import Loop
from engine.testing.seen import Logged, Spawned, Timer, Told
from pools.address import Key
from pools.attempt import CAUGHT, bind, call, sendable
from pools.channel import Channel
from pools.context import Outgoing
from pools.errors import StateUnreadable
from pools.gauges import Gauges
from pools.isolation import Case, Isolation
from pools.kind import Kind
from pools.ledger import Ledger
from pools.process import WorkerProcess
from pools.residents import Residents
from pools.ward import Ward
from pools.worker import Worker

if TYPE_CHECKING:
    from engine.testing.clock import Clock

__all__ = ["SimProcess", "SimWorker"]


class InPlace(Isolation):
    """Runs here what would run in a process of its own; who hangs or ends its process does so to the test."""

    async def run(self, case: Case) -> tuple[Any, list[Any]]:
        """Run a task; returns its value and what it sends, with the agent as the task left it. Raises what it raises."""
        kind, agent, method, context = case.kind, case.agent, case.method, case.context
        try:
            value = call(kind, agent, method, bind(method, agent, case.argument, context))
            value = sendable(await value if method.is_async else value)
            if context is not None:
                context.end()
            if kind.has_hooks:
                agent.checkpoint(method.name, value)
        except CAUGHT as error:
            if kind.has_hooks:
                agent.handle_error(method.name, error)
            raise
        return value, context.outbox if context is not None else []


class SimWorker(Worker):
    """A worker in a loop of its own.

    disk: where its state is kept.  seen: takes what its agents have sent and logged.  found: told what it finds in its agents.
    die: ends it.  known: the kinds of the test, which need no module to be loaded from.
    """

    def __init__(
        self,
        loop: Loop,
        gauges: Gauges,
        *,
        clock: Clock,
        disk: SimDisk,
        chance: Random,
        plan: FaultPlan,
        seen: Callable[[Any], None],
        found: Callable[..., None],
        die: Callable[[int], None],
        known: Mapping[str, Kind],
    ) -> None:
        super().__init__(loop, gauges)
        self._known = known
        self.context = context_under(plan)
        self._clock = clock
        self._process = disk.process()
        self._chance = chance
        self._seen = seen
        self._found = found
        self._die = die
        self._is_dead = False

    def _opened(self, kept: dict[str, Any], channel: Channel) -> tuple[Ledger, dict[str, Any]]:
        try:
            store = open_store(kept["folder"], shards=self._shards, chance=self._chance.randbytes, files=self._process)
        except CheckpointError as error:
            raise StateUnreadable(str(error)) from error
        ledger = Ledger(
            store,
            session=bytes.fromhex(kept["session"]),
            encode=channel.encoded,
            write=channel.write,
            defer=self._loop.call_soon,
            post=self._loop.call_soon_threadsafe,
            broken=lambda _error: self._die(-signal.SIGKILL),
            wall_s=self._clock.wall_s,
        )
        found = store.recovered
        return ledger, {
            "records": found.records,
            "stored_bytes": found.stored_bytes,
            "seconds": 0.0,
            "torn": None,
            "is_fallback": store.is_fallback,
        }

    def _equipped(self, pool: str) -> tuple[Ward, int]:
        isolation = InPlace(self, self._found)
        return Ward(self._kinds, isolation, self._clock.monotonic_s, self._found, self.logbook, self._cells), -1

    def _add_kind(self, order: dict[str, Any]) -> dict[str, Any]:
        kind = self._known[order["reference"]]
        residents = self._kinds.setdefault(kind.name, Residents(kind, owned=self._owned, shards=self._shards))
        if self._ledger is not None:
            residents.keep_in(self._ledger.store)
        kind.made._desk = self._executor
        return kind.facts()

    def _settle(self) -> None:
        """What the test has loaded is not this worker's to keep."""

    def on_closed(self, _channel: Channel, error: Exception | None) -> None:
        """The engine is gone: so are we."""
        self._die(0 if error is None else 1)

    def log(self, address: str, task_id: str, text: str, level: str) -> None:
        """Keep a line for the test."""
        if self._is_dead:
            return
        self._seen(Logged(address, task_id, text))

    def _send(self, kind: str, key: Key, outbox: list[Outgoing]) -> None:
        if self._is_dead:
            return
        sender = f"{kind}/{key}"
        for what, *rest in outbox:
            if what == "tell":
                self._seen(Told(sender, *rest))
            elif what == "spawn":
                self._seen(Spawned(sender, f"{rest[0]}/{rest[1]}"))
            else:
                self._seen(Timer(sender, *rest))
        super()._send(kind, key, outbox)

    @property
    def channel(self) -> Channel | None:
        """Its connection."""
        return self._channel

    @property
    def is_committing(self) -> bool:
        """Whether something is on its way to the disk."""
        return self._ledger is not None and not self._is_dead and self._ledger._under_way is not None

    def state(self, kind: str, key: Key) -> dict[str, Any] | None:
        """The fields of an agent as they are now, as JSON gives them back; None where it is not here."""
        residents = self._kinds.get(kind)
        if residents is None:
            return None
        turn = residents.busy.get(key)
        agent = turn.agent if turn is not None else residents.live.get(key) or residents.wake(key)
        if agent is None:
            return None
        return dict(zip(residents.kind.names, orjson.loads(residents.kind.save(agent)), strict=True))

    def end(self, *, is_orderly: bool) -> None:
        """The process is no more. is_orderly: what it kept is sealed first."""
        if self._is_dead:
            return
        self._is_dead = True
        if self._channel is not None:
            self._channel.abort()
        ledger = self._ledger
        if ledger is not None and is_orderly:
            ledger.close()
        elif ledger is not None:
            ledger._work.put(None)  # what was handed to the disk is on it; nobody hears of it
            ledger._thread.join()
        self._process.end()


class SimProcess(WorkerProcess):
    """What a seat takes for a process. kill_worker: ends the worker with an exit status."""

    def __init__(self, kill_worker: Callable[[int], None]) -> None:
        super().__init__(lambda: None)
        self._kill_worker = kill_worker

    @property
    def far_socket(self) -> Any:
        """The worker's end of its connection."""
        return self._far_socket

    def begin(self) -> None:
        """It is born."""
        os.close(self._far_lifeline)
        self.pid = 0

    def kill(self) -> None:
        """End the worker; its death is told like any other."""
        if self.is_alive:
            self._kill_worker(-signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """There is nobody to hear it."""
