"""Runs tasks on agents.

Owns the order of tasks in a worker (by priority, a slice of a section at a time), one task at a time for each agent, the
taking back of what a failed task changed, and the answers. Sockets, clocks and other agents come in as arguments. An agent
that waits (an async method) is busy: its further tasks stand in its mailbox, everybody else goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from copy import copy
from itertools import islice
from typing import TYPE_CHECKING, Any

from pools.address import Key
from pools.agent import Agent
from pools.attempt import CAUGHT, sendable, weight_of
from pools.complaints import Complaints
from pools.context import Asked, Context, Office, Outgoing
from pools.crowd import Crowd
from pools.errors import PoolError, TaskCancelled, UnknownKind, failure_of
from pools.gauges import BUSY_NS, BUSY_SINCE_NS, DONE, FAILED, POSITION, SECTION, TICKS
from pools.halt import Halt
from pools.job import Answers, Error, Job, Waiting, read_job
from pools.kind import Kind
from pools.ranked import Ranked
from pools.residents import Residents
from pools.score import Score
from pools.spec import PUMP_S, REPLY_AFTER_S
from pools.turns import PENDING, Turns
from pools.usage import resident_bytes
from pools.ward import Ward

if TYPE_CHECKING:
    from pools.ledger import Ledger

__all__ = ["Executor"]

#: Tasks of a worker's first slice, of which nobody knows how long they take, and of the largest: a slice aims at half of
#: REPLY_AFTER_S.
FIRST_SLICE, MOST_SLICE = 4, 1024
#: Bytes of answers after which a slice ends: they go into one record with what their tasks changed.
SLICE_BYTES = 2 * 1024 * 1024
#: Integers that CPython holds in one digit and compares fastest; larger ones are looked at by `sendable`.
_LISTED: type = type(iter([]))
_LEAST, _MOST = -(2**30) + 1, 2**30 - 1


class Executor:
    """The run loop of a worker.

    kinds: the agents that live here.  cells: this worker's row of gauges.  mailbox: waiting tasks of one agent.
    clock_ns: monotonic nanoseconds.  defer: calls a function in the next turn of the loop.
    start: makes an asyncio task of a coroutine, started in place where the interpreter can.
    send: takes what a successful task sends, with the agent's kind and key.
    ward: hears of tasks that failed.
    ledger: where changes are recorded; None where state is kept in memory only.  session, context: as in `Turns`.
    asked: told what the tasks ask of other agents.
    """

    def __init__(
        self,
        kinds: dict[str, Residents],
        *,
        cells: memoryview,
        mailbox: int,
        clock_ns: Callable[[], int],
        defer: Callable[[Callable[[], None]], object],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        office: Office,
        send: Callable[[str, Key, list[Outgoing]], None],
        ward: Ward,
        ledger: Ledger | None = None,
        session: str = "",
        asked: Asked | None = None,
        context: type[Context] = Context,
    ) -> None:
        self._kinds = kinds
        self._ward = ward
        self._scales = ward.scales
        self._ledger = ledger
        self._cells = cells
        self._clock_ns = clock_ns
        self._defer = defer
        self._complaints = Complaints(clock_ns)
        #: The busy agents.
        self.turns = Turns(
            kinds, cells=cells, mailbox=mailbox, defer=defer, start=start, office=office, send=send, ward=ward,
            complaints=self._complaints, clock_ns=clock_ns, ledger=ledger, session=session, asked=asked, context=context,
        )  # fmt: skip
        #: Takes back tasks of busy agents, as `Turns.take_back`.
        self.take_back = self.turns.take_back
        self.performers = self.turns.performers
        self._score, self._crowd = Score(cells, self.performers), Crowd(cells)
        self._queue: Ranked[Job] = Ranked()
        #: What is not begun while the pool is paused.
        self.halt = Halt(self._queue, self.turns, self._start)
        #: Tasks that were queued and not begun.
        self.queued = 0
        self._is_pumping = False
        self._slice = FIRST_SLICE
        #: When a slice that takes the long way with its tasks has run long enough.
        self._late_ns = 0.0
        self._alone: Agent | None = None
        self._running: Job | None = None

    # -- taking work ---------------------------------------------------------------------------------------------------

    def accept(self, section: dict[str, Any], answers: Answers) -> None:
        """Queue one section. Raises BadFrame for columns that do not fit each other."""
        if self._is_pumping or self._scales.is_on or self.halt.is_on or not self._run_alone(section, answers):
            self.put(read_job(section, self._kinds, answers))

    def _run_alone(self, section: dict[str, Any], answers: Answers) -> bool:
        """Run and answer a section at once if it is one task that needs nothing but its call.

        It is the short way for a caller who waits for this one answer.

        Returns False, having done nothing, where the long way must be taken.
        """
        try:
            if "fx" in section:
                return False
            (key,) = section["i"]
            residents = self._kinds[section["k"]]
            kind = residents.kind
            method = kind.methods[section["m"]]
            agent = residents.live.get(key)
            argument = section["a"][0] if "a" in section else None
            number = section["n"]
        except (KeyError, TypeError, ValueError, IndexError):
            return False
        if agent is None and (agent := residents.wake_idle(key)) is None:
            return False
        if type(argument) is not method.only and not (argument is None and method.is_bare):
            return False
        cells = self._cells
        cells[SECTION], cells[POSITION] = number, 0
        began_ns = self._clock_ns()
        cells[BUSY_SINCE_NS] = began_ns
        before = kind.mark(agent)
        self._alone = agent
        value, errors = None, []
        try:
            value = method.function(agent) if argument is None else method.function(agent, argument)
            after = kind.mark(agent)
            if type(value) is not int or value > _MOST or value < _LEAST:
                value = sendable(value)
            if after is not before:
                kind.check(before, after)
                if self._ledger is not None and kind.differs(before, after):
                    self._ledger.changed(kind, {key: after})
        except CAUGHT as error:
            kind.restore(agent, before)
            value, errors = None, [[0, *self._complaints.failure(kind, method, error)]]
            self._ward.failed(residents, key, method.name, f"{number}.0", error)
        self._alone = None
        if errors:
            cells[FAILED] += 1
        else:
            cells[DONE] += 1
            if cells[BUSY_NS] >= self.performers.due_ns:
                self.performers.done(kind.name, section["i"])
        cells[BUSY_NS] += self._clock_ns() - began_ns
        cells[BUSY_SINCE_NS] = 0
        answers.answer(number, 0, [value], errors)
        answers.flush()
        return True

    def put(self, job: Job) -> None:
        """Queue a job."""
        self.queued += job.count
        if self.halt.is_on and self.halt.takes(job):
            return
        self._queue.put(job, job.priority)
        self._start()

    def _start(self) -> None:
        """Look at the queue, if nobody does."""
        if self._queue and not self._is_pumping:
            self._is_pumping = True
            self._cells[BUSY_SINCE_NS] = self._clock_ns()
            self.pump()

    def cancel(self, numbers: Sequence[int], answers: Answers, position: int | None = None) -> None:
        """Take back the tasks of some sections that did not end yet; with a position, only that task."""
        wanted = frozenset(numbers)
        for job in self._queue:
            if job.number in wanted:
                job.cancel(position)
        self.turns.cancel(wanted, position)
        self.queued -= self.halt.cancel(wanted, position)
        self._defer(answers.flush)

    def remove(self, residents: Residents, key: Key) -> bool:
        """Forget an agent, whose tasks fail from now on; returns whether it was more than a place in a range."""
        self.turns.remove(residents, key)
        return residents.drop(key)

    # -- running -------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Run queued tasks for up to PUMP_S, answer, and come back for the rest in the next turn of the loop."""
        clock_ns, cells, queue = self._clock_ns, self._cells, self._queue
        began = now = clock_ns()
        cells[TICKS] += 1
        if began >= self._crowd.due_ns:
            self._crowd.look(queue, self.queued, began)
        sent = now
        answers: Answers | None = None
        while queue:
            job = queue.take()
            if answers is not job.answers and answers is not None:
                answers.flush()
            answers, at = job.answers, job.next
            self._late_ns = now + REPLY_AFTER_S * 1e9
            if self._scales.is_on:
                self._weigh(job)
            else:
                self._run_slice(job)
            self.queued -= job.next - at
            if job.next < job.count:
                queue.put_back(job, job.priority)
            before, now = now, clock_ns()
            self._fit_slice(now - before)
            if now - sent > REPLY_AFTER_S * 1e9:
                answers.flush()
                sent = now
            if now - began > PUMP_S * 1e9:
                break
        if answers is not None:
            answers.flush()
        cells[BUSY_NS] += now - began
        if queue:
            self._defer(self.pump)
        else:
            self._is_pumping = False
            self._crowd.emptied()
            cells[BUSY_SINCE_NS] = 0

    def _weigh(self, job: Job) -> None:
        """Run the next task of a job alone, and charge what the process grows by to its agent."""
        if not isinstance(job.rows, _LISTED):
            job.rows = iter([*job.rows])
        _, method, _ = next(copy(job.rows), (None, None, None))
        self._slice, at, before_bytes = 1, job.next, resident_bytes()
        self._run_slice(job)
        if job.residents is not None:
            self._scales.charge(before_bytes, job.residents.kind.name, job.keys[at], method.name if method else "")

    def _fit_slice(self, elapsed_ns: int) -> None:
        if elapsed_ns > REPLY_AFTER_S * 5e8:
            self._slice = max(int(self._slice * REPLY_AFTER_S * 5e8 / elapsed_ns), 1)
        elif elapsed_ns < REPLY_AFTER_S * 2e8:
            self._slice = min(self._slice * 2, MOST_SLICE)

    def _run_slice(self, job: Job) -> None:
        """Run the next tasks of a job.

        This is the loop that everything else exists for. A light agent that is awake, asked for a plain method with one
        argument of exactly the right type or with none, is called here; every other case takes the long way.
        """
        residents = job.residents
        if residents is None or job.error is not None:
            self._refuse_rest(job, job.error or UnknownKind("no such kind"))
            return
        kind, live, cells = residents.kind, residents.live, self._cells
        mark, check, whole, first = kind.mark, kind.check, kind.whole, job.next
        differs, is_exact, is_kept = kind.differs, kind.is_exact, self._ledger is not None
        changed = self._begin_slice()
        run_long = self.turns.run
        results: list[Any] = []
        errors: list[Error] = []
        is_gapless = True
        cells[SECTION] = job.number
        self._running = job
        position = first
        size_bytes = 0
        for key, method, argument in islice(job.rows, self._slice):
            cells[POSITION] = position
            agent = live.get(key)
            if agent is None:
                agent = residents.wake_idle(key)
            if (
                agent is not None
                and method is not None
                and (type(argument) is method.only or (argument is None and method.is_bare))
            ):
                before = mark(agent)
                function = method.function
                try:
                    value = function(agent) if argument is None else function(agent, argument)
                    after = mark(agent)
                    if type(value) is not int or value > _MOST or value < _LEAST:
                        value = sendable(value)
                        size_bytes += weight_of(value)
                        if after is not before:
                            check(before, after)
                    elif after is not before and (
                        type(after) is not whole or (after is not value and (after > _MOST or after < _LEAST))
                    ):
                        check(before, after)
                    if is_kept and after is not before and (is_exact or differs(before, after)):
                        changed[key] = after
                except CAUGHT as error:
                    kind.restore(agent, before)
                    errors.append([position - first, *self._complaints.failure(kind, method, error)])
                    self._ward.failed(residents, key, method.name, f"{job.number}.{position}", error)
                    value = None
            else:
                try:
                    self._record(kind, changed)
                    value = run_long(residents, key, Waiting(job, position, method, argument))
                    is_gapless = is_gapless and value is not PENDING
                    is_last = self._is_large() or self._clock_ns() > self._late_ns
                    size_bytes += SLICE_BYTES if is_last else weight_of(value)
                except CAUGHT as error:
                    errors.append([position - first, *self._complaints.failure(kind, method, error)])
                    self._ward.failed(residents, key, method.name if method else "", f"{job.number}.{position}", error)
                    value = None
            results.append(value)
            position += 1
            if size_bytes >= SLICE_BYTES:
                break
        self._record(kind, changed)
        self._running = None
        job.next = position
        self._answer_slice(job, first, results, errors, is_gapless=is_gapless)
        self._end_slice()

    def _record(self, kind: Kind, changed: dict[Key, Any]) -> None:
        """Record what a slice has changed so far."""
        if changed and self._ledger is not None:
            self._ledger.changed(kind, changed)
            changed.clear()

    def _is_large(self) -> bool:
        """Whether what was recorded should not become more."""
        return self._ledger is not None and self._ledger.is_large

    def _begin_slice(self) -> dict[Key, Any]:
        """Where the marks of what tasks change are put; all that is recorded until the slice has its answers is one commit."""
        if self._ledger is None:
            return {}
        self._ledger.is_within = True
        return self._ledger.sheet()

    def _end_slice(self) -> None:
        """Let what follows be another commit, if what was recorded is large."""
        if self._ledger is not None:
            self._ledger.is_within = False
            self._ledger.divide()

    def _answer_slice(self, job: Job, first: int, results: list[Any], errors: list[Error], *, is_gapless: bool) -> None:
        """Answer a slice. is_gapless: whether all its tasks have ended."""
        if is_gapless:
            self._score.count(job, first, range(len(results)), errors)
            job.answers.answer(job.number, first, results, errors)
            return
        ended = [index for index, value in enumerate(results) if value is not PENDING]
        if not ended:
            return
        place = {index: new for new, index in enumerate(ended)}
        self._score.count(job, first, ended, errors)
        job.answers.answer_at(
            job.number,
            [first + index for index in ended],
            [results[index] for index in ended],
            [[place[error[0]], *error[1:]] for error in errors],
        )

    def _refuse_rest(self, job: Job, error: PoolError) -> None:
        count = job.count - job.next
        failure = failure_of(error)
        if failure.type != TaskCancelled.__name__:
            self._cells[FAILED] += count
        job.answers.answer(job.number, job.next, [None] * count, [[index, *failure] for index in range(count)])
        job.next = job.count

    # -- what is said of agents ----------------------------------------------------------------------------------------

    def status(self, kind: str, key: Key) -> str:
        """run, idle, asleep or dormant."""
        for agent in (self._alone, self.turns.current):
            if agent is not None and type(agent).kind == kind and agent._key == key:
                return "run"
        job = self._running
        if job is not None and job.residents is self._kinds.get(kind) and job.keys[self._cells[POSITION]] == key:
            return "run"
        residents = self._kinds.get(kind)
        return (residents and residents.status(key)) or "idle"

    def waiting(self, kind: str, key: Key) -> int:
        """Tasks in an agent's mailbox."""
        residents = self._kinds.get(kind)
        turn = residents.busy.get(key) if residents else None
        return len(turn.mailbox) if turn else 0
