"""One task in a fork of its worker: this is what the fork does.

Owns the other side of `isolation`: it gives up everything that is the worker's, runs the task, and says what came of it in
one message. It never returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import fcntl
import gc
import os
import select
import signal
import socket
import struct
import sys
import time
from asyncio import Future
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, cast

import orjson

from pools import values
from pools.agent import Agent
from pools.attempt import CAUGHT, bind, call, keep, sendable, undo
from pools.awaited import awaited
from pools.complaints import Complaints, note
from pools.context import Context
from pools.effects import Tally
from pools.errors import BadArgument, Failure, raised
from pools.far import FarLedger
from pools.gauges import BUSY_SINCE_NS, PROGRESS
from pools.interruption import STACK
from pools.kind import Kind
from pools.lane import Named
from pools.log import Log
from pools.logbook import Logbook
from pools.method import Method
from pools.outside import Outside
from pools.progress import MILLION
from pools.speech import Mouth, Speaker, listened, mouth_of
from pools.steps import Question
from pools.table import Table, encoded
from pools.watched import watch_tasks

if TYPE_CHECKING:
    from pools.job import Waiting
    from pools.ledger import Ledger

__all__ = ["HEAD", "Seclusion", "die_with", "framed"]

#: Seconds between two looks at what a task waits for that has asked.
LOOK_S = 0.02
#: Before each message: its length in bytes.
HEAD = struct.Struct("<I")


def framed(said: dict[str, Any]) -> bytes:
    """One message."""
    body = values.dumps(said)
    return HEAD.pack(len(body)) + bytes(memoryview(body))


def die_with(lifeline: int) -> None:
    """Ask the kernel to end this process when a pipe's other end is closed, which a hanging agent cannot prevent."""
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)  # SIGIO, which ends whoever does not handle it
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(1)


class Seclusion:
    """The fork.

    sock: to the worker.  lifeline: a pipe whose other end the worker holds.  sample: file for stack samples.  cells: gauges
    that the worker watches.
    """

    def __init__(self, sock: socket.socket, lifeline: int, sample: int, cells: memoryview) -> None:
        self._socket = sock
        self._cells = cells
        self._keep = {0, 1, 2, sock.fileno(), lifeline, sample}
        self._lifeline = lifeline
        self._sample = sample
        self._questions: dict[int, Future[Any]] = {}
        self._task: asyncio.Task[None] | None = None
        self._awaits: list[int] = []
        self._is_looking = False
        self._number = 0
        self._read = bytearray()
        self._ledger: FarLedger | None = None
        self._free = 0
        self._mouth: Mouth | None = None
        #: Its own: nobody else hears what this one task sees of the world. What an operator holds is held here too.
        self.outside = Outside()
        #: Where checkpoints are recorded: in the worker's.
        self.logbook = Logbook()

    def run(
        self,
        kind: Kind,
        agent: Agent,
        method: Method,
        argument: Any,
        task_id: str,
        worker: Context | None,
        tally: Tally | None = None,
    ) -> NoReturn:
        """Do the task, say what came of it, end. worker, tally: the task's context and tally there, as of the fork."""
        try:
            run = None if worker is None else worker.run
            self._settle(Speaker(agent.id, task_id, "" if run is None else run.place.trace))
            before = kind.mark(agent) if kind.is_light else None
            lengths = [len(getattr(agent, field.name)) if field.exact is Log else 0 for field in kind.fields]
            context = None if worker is None else self._context(kind, agent, worker, can_wait=method.is_async)
            try:
                value = self._call(kind, agent, method, argument, context, tally)
                if context is not None:
                    context.end()
                keep(kind, agent, method, before, value)
                state = [_news(kind, at, agent, length) for at, length in enumerate(lengths)]
                outcome = {"value": value, "state": state, "outbox": context.outbox if context is not None else []}
                if tally is not None:
                    outcome["tally"] = tally.told()
            except CAUGHT as error:
                failure = Complaints(time.monotonic_ns).failure(kind, method, error)
                with contextlib.suppress(CAUGHT):
                    undo(kind, agent, method, before, error)
                outcome = {"error": list(failure)}
            self._cells[BUSY_SINCE_NS] = 0
            if self._mouth is not None:
                self._mouth.flush()
            self._socket.setblocking(True)
            self._socket.sendall(framed(outcome))
        finally:
            os._exit(0)

    def _context(self, kind: Kind, agent: Agent, worker: Context, *, can_wait: bool) -> Context:
        """The task's context here; what is recorded is recorded in the worker."""
        self._free = worker.office.room(worker.agent_id)
        self.outside = worker.office.outside.apart()
        if worker.ledger is not None:
            self._ledger = FarLedger(worker.ledger.recall.steps, worker.ledger.refused, self._say)
        self.logbook = worker.office.logbook.far(self._waypoint if self._ledger is None else self._ledger.waypoint)
        ledger = cast("Ledger | None", self._ledger)
        context = Context(self, kind, agent, worker.task_id, ledger, can_wait=can_wait, task=worker.task)
        context.tally = worker.tally
        return context

    def _waypoint(self, body: bytes) -> None:
        """Have a checkpoint recorded where there are no steps."""
        self._say({"waypoint": body.decode()})

    def _settle(self, speaker: Speaker) -> None:
        """Give up what is the worker's. speaker: whose everything is that is said here."""
        gc.disable()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor not in self._keep:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        die_with(self._lifeline)
        if (mouth := mouth_of(sys.stderr)) is not None:
            self._mouth = listened(speaker, mouth.place)
        faulthandler.enable(self._sample, all_threads=False)
        faulthandler.register(STACK, file=self._sample, all_threads=False, chain=False)

    def _call(
        self, kind: Kind, agent: Agent, method: Method, argument: Any, context: Context | None, tally: Tally | None
    ) -> Any:
        bound = bind(method, agent, argument, context)
        if tally is not None:
            bound = tally.timed(bound, is_async=method.is_async)
        if not method.is_async:
            self._cells[BUSY_SINCE_NS] = time.monotonic_ns()
            return sendable(call(kind, agent, method, bound))
        done: list[Any] = []

        async def drive() -> None:
            done.append(sendable(await call(kind, agent, method, bound)))

        self._drive(drive())
        return done[0]

    def _drive(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run an async task in a loop of this process."""
        loop = asyncio.SelectorEventLoop()
        asyncio.set_event_loop(loop)
        self._socket.setblocking(False)
        loop.add_reader(self._socket, self._take)
        watch_tasks(loop, self._cells, time.monotonic_ns)
        self._task = loop.create_task(coroutine)
        loop.run_until_complete(self._task)

    # -- the office of a task ------------------------------------------------------------------------------------------

    def room(self, _sender: str) -> int:
        """How many messages the agent could add when the task began."""
        return self._free

    def ask(self, address: str, method: str, arguments: tuple[Any, ...], question: Question | None = None) -> Future[Any]:
        """Have the worker ask."""
        future: Future[Any] = asyncio.get_running_loop().create_future()
        self._number = number = self._number + 1
        self._questions[number] = future
        is_named = bool(arguments) and type(arguments[0]) is Named
        given = dict(arguments[0]) if is_named else list(arguments)
        asked = {"ask": number, "address": address, "method": method, "arguments": given, "named": is_named}
        wrong = values.fault(asked, "the argument")
        if wrong is not None:
            future.set_exception(BadArgument(f"{method}: {wrong}"))
            return future
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_later(LOOK_S, self._look)
        if question is not None:
            asked |= {"ordinal": question.ordinal, "number": question.number}
        self._say(asked)
        return future

    def _look(self) -> None:
        """Tell the worker what the task waits for, while it waits for answers and nothing else."""
        self._is_looking = self._task is not None and bool(self._questions)
        if self._task is None or not self._is_looking:
            return
        numbers = awaited(self._task, {future: number for number, future in self._questions.items()})
        if numbers is not None and numbers != self._awaits:
            self._awaits = numbers
            self._say({"awaits": numbers})
        asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _say(self, said: dict[str, Any]) -> None:
        self._socket.setblocking(True)
        self._socket.sendall(framed(said))
        self._socket.setblocking(False)

    def log(self, address: str, task_id: str, text: str, level: str) -> None:
        """Write a line into the engine's log."""
        note(address, task_id, text, level)

    def progress(self, _task: Waiting, fraction: float) -> None:
        """Have the worker see how far the task is."""
        self._cells[PROGRESS] = 1 + round(fraction * MILLION)

    def _take(self) -> None:
        part = self._socket.recv(1 << 20)
        if not part:
            os._exit(1)
        self._read += part
        while len(self._read) >= HEAD.size and len(self._read) >= (size := HEAD.size + HEAD.unpack_from(self._read)[0]):
            said = orjson.loads(self._read[HEAD.size : size])
            del self._read[:size]
            if self._ledger is not None and "synced" in said:
                self._ledger.synced(said["synced"])
                continue
            future = self._questions.pop(said["n"])
            if not future.done():
                if "error" in said:
                    future.set_exception(raised(Failure(*said["error"])))
                else:
                    future.set_result(said["value"])


def _news(kind: Kind, at: int, agent: Agent, length: int) -> Any:
    """What a task has made of one field: a whole value; of a log what is new behind a length; of a table what has changed."""
    field = kind.fields[at]
    value = getattr(agent, field.name)
    if field.exact is Log:
        return list(value)[length:]
    if field.exact is Table:
        _, puts, gone = agent._committed[at]
        return [orjson.Fragment(encoded(puts)), gone]
    return orjson.Fragment(field.save(value))
