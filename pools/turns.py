"""Tasks that need more than a call, and agents that wait.

Owns the long way of a task (binding, context, hooks, keeping, taking back), busy agents and their mailboxes. An agent is busy
while an async task of it has not ended; its further tasks wait in order, all other agents go on. Below it stands `attempt`,
above it the executor's run loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pools.address import Key
from pools.agent import Agent
from pools.attempt import CAUGHT, bind, call, keep, sendable, undo
from pools.complaints import Complaints
from pools.context import Asked, Context, Office, Outgoing
from pools.effects import Tally
from pools.errors import (
    MailboxFull,
    PoolError,
    StoreFull,
    StoreStopped,
    TaskCancelled,
    TooOld,
    UnknownMethod,
    failure_of,
)
from pools.gauges import AWAITING, DONE, FAILED, QUEUED, WAITING, who_is
from pools.isolation import Case
from pools.job import CANCELLED, DRIVEN, OVER, TOO_OLD, Known, Turn, Waiting, Worn
from pools.kind import Kind
from pools.lane import PLACE_BITS
from pools.method import Method
from pools.performers import Performers
from pools.ranked import CRITICAL
from pools.residents import Residents
from pools.ward import Ward
from pools.watched import Watched
from pools.whereabouts import removed, unknown

if TYPE_CHECKING:
    from pools.ledger import Ledger
    from pools.traced import Recorder

__all__ = ["PENDING", "Turns"]

#: The mailbox's part that critical tasks have on top of it, as a divisor: a flood of others does not shut them out.
SPARE = 8
#: How a task fails that is asked for again under its number: by a sender that lost its connection, or when there is room.
_ASKED_AGAIN = (TaskCancelled, StoreFull, StoreStopped)


#: Stands for the value of a task that has not ended.
PENDING = object()


class Turns:
    """The busy agents of a worker.

    Its arguments are the executor's own.  session: names the tasks of a sender that has no session of its own.
    context: what a task is given of the engine.  performers: who has done how much.
    current: the agent whose sync task runs on the long way now.  recorder: of traces, None where nothing is traced.
    """

    def __init__(
        self,
        kinds: Mapping[str, Residents],
        *,
        cells: memoryview,
        mailbox: int,
        defer: Callable[[Callable[[], None]], object],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        office: Office,
        send: Callable[[str, Key, list[Outgoing]], None],
        complaints: Complaints,
        ward: Ward,
        clock_ns: Callable[[], int],
        ledger: Ledger | None = None,
        session: str = "",
        asked: Asked | None = None,
        context: type[Context] = Context,
    ) -> None:
        self._kinds, self._cells, self._mailbox, self._clock_ns = kinds, cells, mailbox, clock_ns
        self._defer, self._start, self._send = defer, start, send
        self._office, self._complaints, self._ward, self._ledger = office, complaints, ward, ledger
        self._asked, self._session, self._context = asked, session, context
        self._unnamed = self._waiting = self._awaiting = 0
        self._await(0)
        self.performers = Performers(cells)
        self.current: Agent | None = None
        self.recorder: Recorder | None = None
        #: Whether tasks from outside are not begun now.
        self.is_halted = False

    def run(self, residents: Residents, key: Key, task: Waiting) -> Any:
        """Run one task; `PENDING` when it goes on later, and is answered then. Raises what it failed with."""
        if task.method is OVER:
            return PENDING
        if task.method is CANCELLED:
            raise TaskCancelled("cancelled before it began")
        if isinstance(task.method, Known):
            return task.method.value
        if task.method is TOO_OLD:
            raise TooOld("it is older than all answers that are kept, and may have run; it is not run again")
        kind = residents.kind
        if task.method is None:
            raise UnknownMethod(f"{kind.name} has no such method; it has {', '.join(sorted(kind.methods))}")
        turn: Turn | None = residents.busy.get(key)
        if turn is not None:
            if len(turn.mailbox) >= self._mailbox + (self._mailbox // SPARE if task.job.priority == CRITICAL else 0):
                raise MailboxFull(f"{kind.name}/{key} has {self._mailbox:,} tasks waiting")
            turn.mailbox.put(task, task.job.priority)
            self._wait(1)
            if turn.running is None and not turn.is_draining and not task.job.is_outer:
                self._defer(partial(self._end, residents, turn))  # nothing else would begin it
            return PENDING
        if (agent := residents.live.get(key)) is None:
            agent = residents.wake(key)
        if agent is None:
            raise unknown(kind.name, key, "spawn it first")
        return self._begin(residents, agent, task.method, task, None)

    def _begin(self, residents: Residents, agent: Agent, method: Method, task: Waiting, turn: Turn | None) -> Any:
        kind, is_alone, context, tally, run = residents.kind, False, None, None, None
        if isinstance(method, Worn):
            is_alone, tally = method.is_alone, Tally(kind, agent, self._clock_ns) if method.is_counted else None
            if method.parent and self.recorder is not None:
                run = self.recorder.begin(method.parent, kind.name, agent.id, method.name, self.name(task))
            method = method.method
        is_alone = is_alone or method.max_run_s is not None or agent._key in residents.apart
        task_id = self.name(task) if is_alone or method.wants_context else ""
        if method.wants_context:
            is_async = method.is_async
            more: Any = {"can_wait": is_async, "asked": self._asked, "task": task}
            context = self._context(self._office, kind, agent, task_id, self._ledger, **more)
            context.tally, context.run = tally, run
        bound = bind(method, agent, task.argument, context)
        if run is not None:
            bound = run.timed(bound, is_async=method.is_async)
        if tally is not None:
            bound = tally.timed(bound, is_async=method.is_async)
        if method.is_async or is_alone:
            if turn is None:
                turn = residents.busy[agent._key] = Turn(agent)
                self._await(1)
                residents.live.pop(agent._key, None)
            turn.running, turn.context, turn.began_ns = task, context, self._clock_ns()
            turn.has_begun = False
            turn.is_alone = is_alone
            case = None
            if is_alone:
                case = Case(kind, agent, method, task.argument, task_id, context, tally)
            driven = self._drive(residents, turn, method, bound, context, task, case, tally)
            driven = driven if run is None or case is None else run.around(driven)
            weigh = partial(self._ward.scales.weigh, kind.name, agent._key, method.name)
            number = task.job.number
            who = 0 if number else who_is(kind.name, agent._key)
            turn.task = self._start(Watched(driven, self._cells, number, task.position, self._clock_ns, weigh, who))
            return PENDING
        before = kind.mark(agent) if kind.is_light else None
        self.current = agent
        try:
            value = sendable(call(kind, agent, method, bound))
            if context is not None:
                context.end()
            self._keep(kind, agent, method, before, value, () if context is None else context.outbox)
        except CAUGHT as error:
            self._end_steps(context, error)
            undo(kind, agent, method, before, error)
            raise
        finally:
            self.current = None
        self._end_steps(context)
        if context is not None and context.outbox:
            context.send(self._send, kind.name, agent._key, context.outbox)
        return value if tally is None else tally.beside(value, () if context is None else context.outbox)

    def name(self, task: Waiting) -> str:
        """A task's own name: session and number of its sender, so that it has the same when it is sent again."""
        job, position = task.job, task.position
        if job.name_of is not None:
            return job.name_of(position)
        if job.session is not None:
            return f"{job.session}-{job.numbers[position]}"
        if not job.number:  # it came from an agent of this worker, which keeps nothing
            self._unnamed += 1
            return f"{self._session}-{self._unnamed}"
        session = self._session if self._ledger is None else self._ledger.recall.session_of(job.number).hex()
        return f"{session}-{job.number << PLACE_BITS | (position if job.places is None else job.places[position])}"

    def _known(self, task: Waiting) -> dict[int, Any]:
        """What a task gave that came twice, and was done while it waited: the first would not be taken back."""
        job = task.job
        if self._ledger is None or job.session is None:
            return {}
        return self._ledger.known_as(bytes.fromhex(job.session), [job.numbers[task.position]])

    def _end_steps(self, context: Context | None, failed: BaseException | None = None) -> None:
        """A task has ended: its record forgets its steps, unless its sender has no answer and asks for it again."""
        if context is not None:
            context.close()
            if self._ledger is not None and not isinstance(failed, _ASKED_AGAIN):
                self._ledger.recall.ended(context.task_id)

    def _keep(
        self,
        kind: Kind,
        agent: Agent,
        method: Method,
        before: Any,
        value: Any,
        outbox: Sequence[Outgoing],
        *,
        was_alone: bool = False,
    ) -> None:
        """Keep what a task changed, and record it where that is asked for. Raises as `keep`; StoreFull, StoreStopped.

        outbox: what it sends.  was_alone: it ran in a process of its own, where the agent's hooks were called.
        """
        committed = None if kind.is_light else agent._committed
        keep(kind, agent, method, before, value, is_seen=was_alone)
        if self._ledger is None:
            return
        try:
            if outbox:
                self._ledger.check()
            if committed is not None:
                self._ledger.kept(kind, agent, committed)
            elif kind.is_light and kind.differs(before, after := kind.mark(agent)):
                self._ledger.changed(kind, {agent._key: after})
        except PoolError:
            if committed is not None:
                agent._committed = committed
            raise

    async def _drive(
        self,
        residents: Residents,
        turn: Turn,
        method: Method,
        bound: Callable[[], Any],
        context: Context | None,
        task: Waiting,
        case: Case | None,
        tally: Tally | None,
    ) -> None:
        """The whole life of one async task, and of one that runs in a process of its own, which is then a case."""
        turn.has_begun = True
        DRIVEN.set(task)
        kind, agent = residents.kind, turn.agent
        before = kind.mark(agent) if kind.is_light else None
        value: Any = None
        outbox: list[Outgoing] = []
        failed: BaseException | None = None
        try:
            if case is None:
                value = sendable(await call(kind, agent, method, bound))
                outbox = context.outbox if context is not None else []
                if context is not None:
                    context.end()
            else:
                value, outbox = await self._ward.isolation.run(case)
            if turn.is_removed:
                return  # its task was answered when it was removed
            self._keep(kind, agent, method, before, value, outbox, was_alone=case is not None)
            if tally is not None:
                value = tally.beside(value, outbox)
        except CAUGHT as error:
            if turn.is_removed:
                return
            failed = TaskCancelled("cancelled while it ran") if isinstance(error, asyncio.CancelledError) else error
            try:
                undo(kind, agent, method, before, error, is_seen=case is not None)
            except CAUGHT as second:
                failed = second
        finally:
            self._end_steps(context, failed)
        if failed is None and outbox and context is not None:
            context.send(self._send, kind.name, agent._key, outbox)
        if failed is None and case is not None:
            self._ward.ended_well(residents, agent._key)
        self._answer(residents, task, None if failed else value, failed)
        self._end(residents, turn)

    def _end(self, residents: Residents, turn: Turn) -> None:
        """A busy agent's task has ended: go on with its mailbox until a task waits again or none is left."""
        turn.running = None
        if turn.is_draining or turn.is_removed:  # of the former the task was begun and ended within the loop below
            return
        turn.is_draining = True
        while turn.running is None and (task := self._next(turn)) is not None:
            self._wait(-1)
            try:
                if task.method is None:
                    raise UnknownMethod(f"{residents.kind.name} has no such method")
                residents.check(turn.agent._key)
                known = self._known(task)
                value = known[0] if known else self._begin(residents, turn.agent, task.method, task, turn)
            except CAUGHT as error:
                self._answer(residents, task, None, error)
            else:
                if value is not PENDING:
                    self._answer(residents, task, value, None)
        turn.is_draining = False
        if turn.running is None and not turn.mailbox:
            residents.rest(turn.agent)
            self._await(-1)

    def _next(self, turn: Turn) -> Waiting | None:
        """Take the task that is next out of a mailbox; None where none may begin."""
        if not self.is_halted:
            return turn.mailbox.take() if turn.mailbox else None
        task = next((task for task in turn.mailbox if not task.job.is_outer), None)
        if task is not None:
            turn.mailbox.remove(task, task.job.priority)
        return task

    def go_on(self) -> None:
        """Begin what waits in mailboxes behind nothing, after a halt."""
        for residents in self._kinds.values():
            for turn in [turn for turn in residents.busy.values() if turn.running is None and not turn.is_draining]:
                self._end(residents, turn)

    def remove(self, residents: Residents, key: Key) -> None:
        """Forget a busy agent: its tasks fail, and whatever the one that runs still does is kept by nobody."""
        turn: Turn | None = residents.busy.pop(key, None)
        if turn is None:
            return
        turn.is_removed = True
        self._await(-1)
        if turn.context is not None:
            turn.context.close()
        if turn.task is not None:
            turn.task.cancel()
        self._wait(-len(turn.mailbox))
        gone = removed(residents.kind.name, key)
        for task in (*([turn.running] if turn.running else ()), *turn.mailbox):
            self._answer(residents, task, None, gone)
        turn.mailbox.clear()

    def cancel(self, numbers: frozenset[int], position: int | None) -> None:
        """Take back tasks of busy agents: those of some sections, or the one at a position of them."""

        def is_meant(task: Waiting) -> bool:
            places = task.job.places
            at = task.position if places is None else places[task.position]
            return task.job.number in numbers and position in (None, at)

        self.take_back(is_meant)

    def take_back(self, is_meant: Callable[[Waiting], bool]) -> None:
        """Take back those tasks of busy agents that are meant."""
        for residents in self._kinds.values():
            for turn in list(residents.busy.values()):
                self._cancel_in(residents, turn, is_meant)

    def _cancel_in(self, residents: Residents, turn: Turn, is_meant: Callable[[Waiting], bool]) -> None:
        gone = TaskCancelled("cancelled before it began")
        for task in [task for task in turn.mailbox if is_meant(task)]:
            turn.mailbox.remove(task, task.job.priority)
            self._wait(-1)
            self._answer(residents, task, None, gone)
        running = turn.running
        if running is None or turn.task is None or not is_meant(running):
            return
        turn.task.cancel()
        if not turn.has_begun:  # then its coroutine never runs, and answers nothing
            self._answer(residents, running, None, gone)
            self._end(residents, turn)

    def _answer(self, residents: Residents, task: Waiting, value: Any, error: BaseException | None) -> None:
        """Answer a task after the slice that it came in."""
        errors = []
        if error is None:
            self._cells[DONE] += 1
            self.performers.done(residents.kind.name, task.job.keys[task.position : task.position + 1])
        else:
            is_gone = isinstance(error, TaskCancelled)
            self._cells[FAILED] += not is_gone
            failure = failure_of(error) if is_gone else self._complaints.failure(residents.kind, task.method, error)
            if not is_gone:
                method, task_id = task.method.name if task.method else "", f"{task.job.number}.{task.position}"
                self._ward.failed(residents, task.job.keys[task.position], method, task_id, error)
            errors = [[0, *failure]]
        task.job.answers.answer_at(task.job.number, [task.position], [value], errors)
        if self._ledger is not None:
            self._ledger.divide()
        self._defer(task.job.answers.flush)

    def _wait(self, change: int) -> None:
        self._waiting += change
        self._cells[WAITING] = self._waiting

    def _await(self, change: int) -> None:
        self._awaiting += change
        self._cells[QUEUED] -= int(change > 0 and self._cells[QUEUED] > 0)  # who was sampled there is counted once
        self._cells[AWAITING] = self._awaiting
