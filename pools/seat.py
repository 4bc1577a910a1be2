"""A worker's place in a pool, which outlives the worker's process.

Owns starting the process, telling it what it holds, its death and its next start. The tasks in flight are the link's; what
a worker should hold is told by whoever made the seat.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from asyncio import Future
from collections.abc import Callable
from functools import partial
from typing import Any

from pools.channel import Channel
from pools.errors import PoolError, PoolUnavailable, WorkerDied
from pools.events import Event
from pools.gateway import Gateway
from pools.gauges import BUSY_SINCE_NS, DONE, POSITION, SECTION, WHO
from pools.handover import ask_for_record
from pools.healing import Finding
from pools.keep import in_words
from pools.link import Link
from pools.message import RESULT, STATUS, TASK, Message
from pools.orders import Orders, seen
from pools.process import WorkerProcess
from pools.refusal import BEGINS_ANEW
from pools.restarts import RestartBudget
from pools.spec import START_S
from pools.tidings import ended

__all__ = ["Seat"]

#: Signals that come from outside, not from what a process does.
OUTSIDE = (signal.SIGKILL, signal.SIGTERM)


class Seat:
    """One worker of a pool, over all its processes.

    state: starting, running, backoff, down (it is not started again), stopped.  returns: restarts after which it was ready.
    link: tasks from outside.  inner: tasks from other workers' agents, with room of their own: a task in flight may wait for
    them.  launch: starts a process and returns it.  admit: told the pid once it is born.  orders: what a new process is told,
    the set-up first.  on_spawn: told kind and key of an agent that an agent makes, and what to call once it is kept.
    named: the address of an agent that a gauge tells, empty where there is none.
    """

    def __init__(
        self,
        name: str,
        *,
        link: Link,
        inner: Link,
        cells: memoryview,
        budget: RestartBudget,
        launch: Callable[[], WorkerProcess],
        admit: Callable[[int], None],
        orders: Callable[[], list[dict[str, Any]]],
        gateway: Callable[[Channel], Gateway],
        on_spawn: Callable[[str, Any, Callable[[], None]], None],
        on_found: Callable[[Finding], None],
        on_event: Callable[[Event], None],
        named: Callable[[int], str],
    ) -> None:
        self.name = name
        self.link = link
        self.inner = inner
        self.cells = cells
        self.state = "stopped"
        self.process: WorkerProcess | None = None
        self.loop_name = ""
        self.restarts = self.returns = 0
        self.started_s = 0.0
        #: What the newest process read in its store: records, stored_bytes, seconds, torn, is_fallback.
        self.found: dict[str, Any] | None = None
        #: Why the worker is down or was restarted, in words.
        self.reason = ""
        self._budget = budget
        self._launch = launch
        self._admit = admit
        self._orders = orders
        self._make_gateway = gateway
        self._gateway: Gateway | None = None
        self._on_spawn = on_spawn
        self._on_found = on_found
        self._named = named
        #: Where the newest process writes stack samples.
        self.sample = -1
        #: What the process said of the task that it interrupted last: agent, method, number.
        self.told: tuple[str, str, str] | None = None
        self._on_event = on_event
        self._channel: Channel | None = None
        self._asked = Orders()
        self._done_at_start = 0
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._is_told = self._is_seated = self._is_leaving = self._is_mute = False
        self._task: asyncio.Task[None] | None = None
        #: What the process before has handed over, and the next one is given.
        self._given: list[dict[str, Any]] = []
        #: Done once the newest process was told what it holds, or has ended.
        self.informed: Future[None]
        self._gone: Future[None]
        self._ready: Future[Any]

    @property
    def pid(self) -> int | None:
        """The process, while there is one that is born."""
        return self.process.pid if self.process is not None and self.process.is_alive else None

    @property
    def section(self) -> str:
        """The number of the task that runs now, or ran last."""
        return f"{self.cells[SECTION]}.{self.cells[POSITION]}"

    @property
    def running(self) -> tuple[str, str] | None:
        """The agent and the method that run now; None where nothing does. A task that an agent sent has no method here."""
        if not self.cells[BUSY_SINCE_NS]:
            return None
        if not self.cells[SECTION]:
            return (agent, "") if (agent := self._named(self.cells[WHO])) else None
        link = self.link if self.cells[SECTION] & 1 else self.inner
        return link.flights.task(self.cells[SECTION], self.cells[POSITION])

    @property
    def is_asked(self) -> bool:
        """Whether it has not answered everything that it was told."""
        return bool(self._asked)

    def send_signal(self, number: int) -> None:
        """Send its process a signal."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self, reason: str) -> None:
        """End its process, of which another follows. reason: in words."""
        self.reason = reason
        if self.process is not None:
            self.process.kill()

    def start(self) -> Future[Any]:
        """Start a process; the future is done when it is ready. Raises OSError where none can be started."""
        process = self._launch()
        self._begin(process, Channel(self._on_message, self._on_closed, time.time))
        process.watch(asyncio.get_running_loop(), self._born, self._died)
        return self._ready

    def _begin(self, process: WorkerProcess, channel: Channel) -> None:
        loop = asyncio.get_running_loop()
        self.state = "starting"
        self._done_at_start = self.cells[DONE]
        self.cells[BUSY_SINCE_NS] = 0
        self.process, self._channel, self._is_seated = process, channel, False
        self._gateway = self._make_gateway(channel)
        self._gone, self.informed, self._ready = loop.create_future(), loop.create_future(), loop.create_future()
        self._ready.add_done_callback(seen)
        self._patience = loop.call_later(START_S, self._too_slow, process)

    def _born(self, pid: int) -> None:
        if self._channel is not None and self.process is not None:
            self._admit(pid)
            connecting = self._connect(self._channel, self.process)
            self._task = asyncio.get_running_loop().create_task(connecting)
            self._is_seated = True

    async def _connect(self, channel: Channel, process: WorkerProcess) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: channel, sock=process.socket)
        except OSError as error:
            self.reason = f"its socket could not be used: {error}"
            process.kill()
            return
        if channel is not self._channel or self.state == "stopped":
            channel.abort()  # the process has died meanwhile, or is to end before it began
            return
        self._instruct(channel)

    def _instruct(self, channel: Channel) -> None:
        """Tell a process what it holds; tasks follow."""
        ready = self._ready
        first, *more = self._orders()
        answer = self._request(first)
        answer.add_done_callback(lambda done: self._set_up(done, ready))
        for order in [*more, *({"verb": "take", "page": page} for page in self._given)]:
            self._request(order).add_done_callback(seen)
        self._given, self._is_told = [], True
        self._inform()
        if not self._is_mute:
            self.link.attach(channel)
            self.inner.attach(channel)

    def _inform(self) -> None:
        if not self.informed.done():
            self.informed.set_result(None)

    def _set_up(self, done: Future[Any], ready: Future[Any]) -> None:
        if self._patience is not None:
            self._patience.cancel()
        error = None if done.cancelled() else done.exception()
        if error is None and not done.cancelled():
            self.state = "running"
            self.returns += self.restarts > 0
            self.loop_name = done.result()["loop"]
            self.started_s = time.monotonic()
            self.found = done.result().get("found")
            self.sample = done.result()["sample"]
            self._tell("worker.ready", f"{self.name} is ready{in_words(self.found)}")
        elif self.process is not None:
            self.reason = str(error)
            self.process.kill()
        if not ready.done():
            ready.set_exception(error) if error is not None else ready.set_result(None)

    def _too_slow(self, process: WorkerProcess) -> None:
        self.reason = f"it was not ready within {START_S:.0f} s"
        process.kill()

    # -- control -------------------------------------------------------------------------------------------------------

    def request(self, verb: str, **facts: Any) -> Future[Any]:
        """Ask the worker for something; nobody has to take the future's value or error. Raises PoolUnavailable."""
        if self._channel is None or not self._channel.is_open or not self._is_told:
            raise PoolUnavailable(f"worker {self.name} is {self.state}{f': {self.reason}' if self.reason else ''}")
        future = self._request({"verb": verb, **facts})
        future.add_done_callback(seen)
        return future

    def request_if_up(self, verb: str, **facts: Any) -> Future[Any] | None:
        """The same; None while the worker has no process: its next one is told with everything else."""
        try:
            return self.request(verb, **facts)
        except PoolUnavailable:
            return None

    def _request(self, order: dict[str, Any]) -> Future[Any]:
        return self._asked.give(self._channel, order)

    def _on_message(self, channel: Channel, message: Message) -> None:
        if message.letter == RESULT:
            self._take(message.data)
        elif message.letter == TASK and self._gateway is not None:
            self._gateway.accept(message.data)
        elif message.letter == STATUS:
            self._on_status(channel, message.data)

    def _take(self, replies: list[dict[str, Any]]) -> None:
        """Hand answers to the link that asked: sections have odd numbers for tasks from outside, even ones for inner tasks."""
        inner = [reply for reply in replies if not reply["n"] & 1]
        if not inner:
            self.link.take(replies)
            return
        self.inner.take(inner)
        if len(inner) < len(replies):
            self.link.take([reply for reply in replies if reply["n"] & 1])

    def _on_status(self, channel: Channel, said: dict[str, Any]) -> None:
        verb = said["verb"]
        if verb in ("done", "failed"):
            self._asked.answered(said)
        elif verb == "given":
            self._given.append(said["page"])
        elif verb == "cancel" and self._gateway is not None:
            self._gateway.cancel(said["sections"], said.get("position"))
        elif verb == "progress":
            self.link.progressed(said["tasks"])
        elif verb == "waits" and self._gateway is not None:
            self._gateway.told(said)
        elif verb == "event":
            self._tell(said["name"], f"{self.name}: {said['text']}")
        elif verb == "outside" and self.link.sight is not None:
            self.link.sight.breakers.heard(self.name, said)
        elif verb == "spawn":
            self._on_spawn(said["kind"], said["key"], partial(_confirm, channel, said.get("number")))
        elif verb == "finding":
            what, agent, method, task, cause, stack = said["finding"]
            if what == "interrupted":
                self.told = agent, method, task
            else:
                self._on_found(Finding(what, agent, method, task, cause, stack, self.name))

    def _on_closed(self, channel: Channel, error: Exception | None) -> None:
        """The process is about to end, or its messages were bad; either way it is no use any more."""
        if channel is not self._channel:
            return
        is_told = error is not None and not isinstance(error, OSError)  # of a reset, the process's end tells more
        if is_told and not self.reason and self.state in ("starting", "running"):
            self.reason = f"its connection broke: {error}"
        if self.process is not None and self.state != "stopped":
            self.process.kill()

    # -- the end of a process ------------------------------------------------------------------------------------------

    def _died(self, status: int | None) -> None:
        self._is_told = False
        if self._patience is not None:
            self._patience.cancel()
        if self._channel is not None:
            self._channel.abort()
        if self._gateway is not None:
            self._gateway.close()
        if not self._is_seated and self.process is not None:
            self.process.socket.close()  # it was never born
        self._channel, self._gateway, self.process = None, None, None
        self._inform()
        if not self._gone.done():
            self._gone.set_result(None)
        is_blamed = bool(self.cells[BUSY_SINCE_NS]) and not self._is_leaving
        running = (self.cells[SECTION], self.cells[POSITION]) if is_blamed else None
        if is_blamed:
            self._charge(status)
        self.cells[BUSY_SINCE_NS] = 0
        how = ended(status)
        stopping = self.state == "stopped"
        wait_s = None
        if not stopping:
            has_worked = self.cells[DONE] > self._done_at_start or status == BEGINS_ANEW or self._is_leaving
            wait_s = self._budget.died(time.monotonic(), has_worked=has_worked)
            self.reason = f"{self.reason + ', ' if self.reason else ''}{how}"
            self.state = "down" if wait_s is None else "backoff"
        error = WorkerDied(f"worker {self.name} ended ({how}) before it answered; whether the task ran is not known")
        gone = PoolUnavailable(f"worker {self.name} is down: it died again and again ({how}); see the log of the engine")
        self._detach(gone if self.state == "down" else error, running)
        if not self._ready.done():
            self._ready.set_exception(error)
        self._asked.fail(error)
        if not stopping:
            self._tell(f"worker.{'down' if wait_s is None else 'died'}", f"{self.name}: {self.reason}")
        if wait_s is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._again)

    def _charge(self, status: int | None) -> None:
        """Name the task that ran when the process ended; where state is kept it runs alone before its agent is judged."""
        named = self.running
        if named is None or self.state == "stopped":
            return
        how = ended(status)
        if self.link.is_kept:
            self._on_found(Finding("suspected", *named, self.section, how, "", self.name))
        elif status is not None and not self.reason and -status not in OUTSIDE:
            self._on_found(Finding("killed", *named, self.section, how, "", self.name))

    def _detach(self, error: PoolError, running: tuple[int, int] | None = None) -> None:
        """End the tasks in flight, and those that wait too where no process will come to take them.

        running: section and place of the task that ran when the process ended.
        """
        if self.link.sight is not None:
            self.link.sight.breakers.gone(self.name)
        for link in (self.link, self.inner):
            link.detach(error, drop_waiting=self.state in ("down", "stopped"), running=running)

    def _again(self) -> None:
        if self._is_leaving:
            return
        self.restarts += 1
        self.reason = ""
        try:
            self.start()
        except OSError as error:
            self.reason = f"no process could be started: {error}"
            self.state = "down"
            self._detach(PoolUnavailable(f"worker {self.name} is down: {self.reason}"))
            self._tell("worker.down", f"{self.name}: {self.reason}")

    async def stop(self, grace_s: float) -> None:
        """End the worker: it is asked by closing its connection, killed after grace_s seconds."""
        if grace_s > 0 and self.link.is_kept and self.state == "running":
            await ask_for_record(self, "its worker was stopped")
        self.state = "stopped"
        self.link.sight = None
        if self._timer is not None:
            self._timer.cancel()
        process = self.process
        if process is None:
            self._detach(PoolUnavailable(f"worker {self.name} was stopped"))
            return
        if self._channel is not None:
            self._channel.close() if grace_s > 0 else self._channel.abort()
        if grace_s <= 0:
            process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(grace_s, 0.001)):
                await asyncio.shield(self._gone)
        process.kill()
        await self._gone

    def _tell(self, name: str, text: str) -> None:
        self._on_event(Event(name, text, time.time(), pool=self.name.partition(".")[0], worker=self.name))


def _confirm(channel: Channel, number: int | None) -> None:
    """Tell a worker that an agent is kept, which it asks for until then. number: of its message; None where it keeps none."""
    if number is not None and channel.is_open:
        channel.send(STATUS, {"verb": "spawned", "number": number})
