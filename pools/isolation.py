"""Tasks in processes of their own: what may hang, leak or end its process ends nothing else.

Owns the fork of a worker for one task, the watch over it, and the way of what the task did back into the worker: the agent's
state, the value, the messages. The fork has the agent as it is; it holds no descriptor of the worker's, and what it does to
anything but its agent is gone with it. `seclusion` is what runs on the other side.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import socket
import warnings
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from pools.agent import Agent
from pools.context import Context, Office
from pools.effects import Tally
from pools.errors import Failure, PoolError, PoolUnavailable, TaskHung, TaskKilled, failure_of, raised
from pools.gauges import CELLS, PROGRESS
from pools.heartbeat import HANG_S, LOOK_S, SPINS, Heartbeat
from pools.interruption import STACK, sample_of
from pools.kind import Kind
from pools.lane import Named
from pools.log import Log
from pools.method import Method
from pools.progress import MILLION
from pools.seclusion import HEAD, Seclusion, framed
from pools.steps import Question
from pools.table import Table
from pools.usage import cpu_s, is_asleep, resident_bytes

__all__ = ["Case", "Isolation"]

#: Processes that one worker may have beside it at once.
AT_ONCE = 4
#: Bytes that such a process may grow by.
GROWTH_BYTES = 256 * 1024 * 1024
#: Seconds until a stack sample is written, and from a fork's last word to its end.
SAMPLE_S, END_S = 0.03, 1.0
#: What a worker calls the findings.
HUNG, LEAKED, KILLED = "hung", "leaked", "killed"


class Case(NamedTuple):
    """One task that runs alone. context: in the worker; None where the method wants none.  tally: of its effects."""

    kind: Kind
    agent: Agent
    method: Method
    argument: Any
    task_id: str
    context: Context | None = None
    tally: Tally | None = None


class _Run:
    """One fork and what came of it."""

    def __init__(self, pid: int, sock: socket.socket, lifeline: int, sample: int, cells: memoryview) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self.socket = sock
        self.lifeline = lifeline
        self.sample = sample
        self.cells = cells
        self.progress = 0
        self.heartbeat = Heartbeat(cells)
        self.start_bytes = resident_bytes(pid)
        self.read = bytearray()
        self.unsent = bytearray()
        #: What it has asked and has no answer to.
        self.asked: dict[int, Future[Any]] = {}
        self.what = ""
        self.cause = ""
        self.stack = ""


class Isolation:
    """The forks of one worker.

    office: answers what a task asks.  found: told the finding, the agent's address, the method, the task's number, the cause
    and a stack sample, where a task did not survive.
    """

    def __init__(self, office: Office, found: Callable[..., None]) -> None:
        self._office = office
        self._found = found
        self._loop: AbstractEventLoop
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, case: Case) -> tuple[Any, list[Any]]:
        """Run a task; returns its value and what it sends, with the agent as the task left it.

        Raises TaskFailed for what it raised, TaskHung, TaskKilled; PoolUnavailable where no process can be started.
        """
        self._loop = asyncio.get_running_loop()
        async with self._room:
            run = self._fork(case)
            ended: Future[dict[str, Any] | None] = self._loop.create_future()
            self._loop.add_reader(run.socket, self._read, run, case, ended)
            self._loop.add_reader(run.pidfd, self._died, run, case, ended)
            watch = self._loop.create_task(self._watch(run, case))
            try:
                outcome = await ended
            except asyncio.CancelledError:
                os.kill(run.pid, signal.SIGKILL)
                raise
            finally:
                watch.cancel()
                self._loop.remove_reader(run.socket)
                self._loop.remove_reader(run.pidfd)
                self._loop.remove_writer(run.socket)
                status = await self._end(run)
        if outcome is None:
            raise self._lost(run, case, status)
        if "error" in outcome:
            raise raised(Failure(*outcome["error"]))
        _adopt(case.kind, case.agent, outcome["state"])
        if case.tally is not None:
            case.tally.hear(outcome["tally"])
        return outcome["value"], [tuple(row) for row in outcome["outbox"]]

    # -- the process ---------------------------------------------------------------------------------------------------

    def _fork(self, case: Case) -> _Run:
        ours, theirs = socket.socketpair()
        far_lifeline, lifeline = os.pipe2(os.O_CLOEXEC)
        sample = os.memfd_create("engine-stack", os.MFD_CLOEXEC)
        memory = mmap.mmap(-1, CELLS * 8)
        cells = memoryview(memory).cast("Q")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads: ours only write the log
            try:
                pid = os.fork()
            except OSError as error:
                for end in (ours, theirs):
                    end.close()
                for descriptor in (far_lifeline, lifeline, sample):
                    os.close(descriptor)
                raise PoolUnavailable(f"no process of its own could be started for {case.agent.id}: {error}") from error
        if pid == 0:
            Seclusion(theirs, far_lifeline, sample, cells).run(*case)
        theirs.close()
        os.close(far_lifeline)
        ours.setblocking(False)
        return _Run(pid, ours, lifeline, sample, cells)

    def _died(self, run: _Run, case: Case, ended: Future[dict[str, Any] | None]) -> None:
        """Its process has ended, whoever else holds its end of the socket: what it said is read."""
        while not ended.done() and self._read(run, case, ended):
            pass
        if not ended.done():
            ended.set_result(None)

    def _read(self, run: _Run, case: Case, ended: Future[dict[str, Any] | None]) -> bool:
        """Take what a fork says; returns whether there was something."""
        try:
            part = run.socket.recv(1 << 20)
        except BlockingIOError:
            return False
        except OSError:
            part = b""
        run.read += part
        while len(run.read) >= HEAD.size and len(run.read) >= (size := HEAD.size + HEAD.unpack_from(run.read)[0]):
            said = orjson.loads(run.read[HEAD.size : size])
            del run.read[:size]
            if "ask" in said:
                self._ask(run, case, said)
            elif "awaits" in said:
                if case.context is not None:
                    case.context.awaits = [run.asked[number] for number in said["awaits"] if number in run.asked]
            elif "step" in said or "hold" in said or "waypoint" in said:
                self._record(run, case, said)
            elif not ended.done():
                ended.set_result(said)
        if not part and not ended.done():
            ended.set_result(None)
        return bool(part)

    def _record(self, run: _Run, case: Case, said: dict[str, Any]) -> None:
        """Record a step or a checkpoint for a task, or say when everything that was recorded is synced."""

        def synced() -> None:
            run.unsent += framed({"synced": said["hold"]})
            self._write(run)

        if "waypoint" in said:
            self._office.logbook.keep(said["waypoint"].encode())
        ledger = None if case.context is None else case.context.ledger
        if ledger is not None and "step" in said:
            ledger.recall.stepped(case.task_id, said["step"], said["name"], None, *said["value"])
        elif "hold" in said and (ledger is None or not ledger.when_synced(synced)):
            synced()

    def _ask(self, run: _Run, case: Case, said: dict[str, Any]) -> None:
        """Ask for a task what it asks."""

        def answer(done: Future[Any]) -> None:
            run.asked.pop(said["ask"], None)
            error = None if done.cancelled() else done.exception()
            reply = {"error": list(failure_of(error))} if error is not None else {"value": done.result()}
            run.unsent += framed({"n": said["ask"], **reply})
            self._write(run)

        given = said["arguments"]
        arguments = (Named(given),) if said["named"] else tuple(given)
        address, method, question = said["address"], said["method"], None
        if case.context is not None and "ordinal" in said:
            question = Question(case.context.steps, said["ordinal"], address, method, said["number"])
        try:
            asked = self._office.ask(address, method, arguments, question)
        except PoolError as error:
            asked = self._loop.create_future()
            asked.set_exception(error)
        run.asked[said["ask"]] = asked
        if case.context is not None:
            case.context.asked(address, asked)
        asked.add_done_callback(answer)

    def _write(self, run: _Run) -> None:
        """Send a fork what it waits for, as far as it goes in."""
        if run.socket.fileno() < 0:
            return  # it has ended meanwhile
        try:
            del run.unsent[: run.socket.send(run.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            run.unsent.clear()
        if run.unsent:
            self._loop.add_writer(run.socket, self._write, run)
        else:
            self._loop.remove_writer(run.socket)

    async def _watch(self, run: _Run, case: Case) -> None:
        """Look at the fork until it has ended, or must."""
        limit_s = case.method.max_run_s or HANG_S
        while True:
            await asyncio.sleep(LOOK_S)
            self._hear(run, case)
            finding = run.heartbeat.look(self._loop.time(), lambda: cpu_s(run.pid), lambda: is_asleep(run.pid), limit_s)
            if finding is not None:
                how = "of processor time" if finding == SPINS else "stood still in a call"
                run.what, run.cause = HUNG, f"{limit_s:g} s {how}, without an end"
            elif resident_bytes(run.pid) > run.start_bytes + GROWTH_BYTES:
                run.what, run.cause = LEAKED, f"it grew by more than {GROWTH_BYTES / 2**20:.0f} MiB"
            else:
                continue
            os.kill(run.pid, STACK)
            await asyncio.sleep(SAMPLE_S)
            run.stack = sample_of(os.getpid(), run.sample)[0]
            os.kill(run.pid, signal.SIGKILL)
            return

    @staticmethod
    def _hear(run: _Run, case: Case) -> None:
        """Pass on how far the task says that it is."""
        progress, run.progress = run.progress, run.cells[PROGRESS]
        if run.progress != progress and case.context is not None:
            case.context.progress(min((run.progress - 1) / MILLION, 1.0))

    async def _end(self, run: _Run) -> int:
        """See the fork to its end; returns its exit status, negative for a signal."""
        deadline_s = self._loop.time() + END_S
        while (status := _status(run.pid)) is None:
            if self._loop.time() > deadline_s:
                os.kill(run.pid, signal.SIGKILL)
            try:
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                os.kill(run.pid, signal.SIGKILL)
        run.stack = run.stack or sample_of(os.getpid(), run.sample)[0]
        run.socket.close()
        for descriptor in (run.lifeline, run.sample, run.pidfd):
            os.close(descriptor)
        return status

    def _lost(self, run: _Run, case: Case, status: int) -> PoolError:
        """The error for a task whose process ended before it did, and the finding."""
        if not run.what:
            run.what = KILLED
            run.cause = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        address, method = case.agent.id, case.method.name
        self._found(run.what, address, method, case.task_id, run.cause, run.stack)
        if run.what == HUNG:
            return TaskHung(f"{address} {method}: {run.cause}, in a process of its own")
        return TaskKilled(f"{address} {method} ended a process of its own: {run.cause}")


def _status(pid: int) -> int | None:
    """The exit status of a child; None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _adopt(kind: Kind, agent: Agent, state: list[Any]) -> None:
    """Give an agent the state that it has in the fork: whole values, of a log what was appended, of a table what changed."""
    for field, value in zip(kind.fields, state, strict=True):
        if field.exact is Log:
            getattr(agent, field.name).extend(value)
        elif field.exact is Table:
            table: Table[Any] = getattr(agent, field.name)
            puts, gone = value
            table.update(puts)
            for name in gone:
                del table[name]
        else:
            setattr(agent, field.name, field.load(value))
