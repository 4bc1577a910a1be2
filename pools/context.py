"""What a task may ask of the engine while it runs: `ctx`.

Owns the outbox of one task. Messages leave only when the task has succeeded: one that raises, is cancelled or runs out of
time has told nobody anything. An `ask` leaves at once, since the task waits for its answer.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from pools import values
from pools.address import Key, key_of, parse, valid_kind
from pools.effects import reported
from pools.errors import BadArgument, OutboxFull
from pools.events import INFO, LEVELS, OFF
from pools.lane import Named, is_name, sent_form
from pools.logbook import OF_TASKS, Checkpoint, Logbook
from pools.outside import Outcall, Outside
from pools.spec import OUTBOX_BYTES, OUTBOX_MESSAGES, OUTBOX_TOTAL, OUTBOX_TOTAL_BYTES
from pools.steps import Question, Steps

if TYPE_CHECKING:
    from pools.agent import Agent
    from pools.effects import Tally
    from pools.kind import Kind
    from pools.ledger import Ledger
    from pools.traced import Run

__all__ = ["Asked", "Context", "Office", "Outgoing"]

#: Bytes of a message in a record beside its text: its numbers and times.
ENVELOPE_BYTES = 64

#: What a task sends when it succeeds: ("tell", address, method, argument), ("spawn", kind, key) or
#: ("timer", seconds, method, argument).
Outgoing = tuple[Any, ...]
#: Told that a task has asked an agent: its context, the address, the future that gets the answer.
Asked = Callable[["Context", str, Future[Any]], None]


class Office(Protocol):
    """The part of a worker that a context uses. outside: the breakers of what agents call outside."""

    outside: Outside

    @property
    def logbook(self) -> Logbook:
        """Where checkpoints are recorded."""
        ...

    def ask(self, address: str, method: str, arguments: tuple[Any, ...], question: Question | None = None) -> Future[Any]:
        """Send a task to an agent; the future gets its answer. question: whose it is, where what is asked is kept."""
        ...

    def room(self, sender: str) -> int:
        """How many messages an agent may add to those on their way."""
        ...

    def log(self, address: str, task_id: str, text: str, level: str) -> None:
        """Write a line into the engine's log."""
        ...

    def progress(self, task: Any, fraction: float) -> None:
        """Tell who sent a task how far it is. task: as it was given to the context."""
        ...


def _form(method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Arguments by place, those by name as one. Raises BadArgument for both at once, and for a method that has no name."""
    if not is_name(method):
        raise BadArgument(f"a method is named by text, not {method!r:.80}")
    if arguments and named:
        raise BadArgument(f"{method}: give the arguments by place or by name, not both")
    return (Named(named),) if named else arguments


def _sent(method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, int]:
    """Arguments as they are sent, a copy of their own, and their bytes. Raises BadArgument for what cannot be sent."""
    sent = sent_form(_form(method, arguments, named))
    wrong = values.fault(sent, "the argument")
    if wrong is not None:
        raise BadArgument(f"{method}: {wrong}")
    encoded = values.dumps(sent)
    return orjson.loads(encoded), len(encoded) + len(method)


class _Done:
    """An awaitable that is done: `await` costs nothing and gives None."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


_DONE = _Done()


class Context:
    """The engine as one task sees it.

    kind, agent: whose task it is.  task_id: the task's own name, the same when it is run again after a crash.
    ledger: where its steps are recorded; None where nothing is kept.  can_wait: whether the method is async.
    asked: told what it asks.  task: its place in what was sent, for the office.
    """

    __slots__ = (
        "_agent", "_asked", "_can_wait", "_has_read", "_is_over", "_kind", "_reported", "_room", "_size_bytes", "_steps",
        "awaits", "ledger", "office", "outbox", "run", "tally", "task", "task_id",
    )  # fmt: skip

    def __init__(
        self,
        office: Office,
        kind: Kind,
        agent: Agent,
        task_id: str,
        ledger: Ledger | None = None,
        *,
        can_wait: bool = True,
        asked: Asked | None = None,
        task: Any = None,
    ) -> None:
        self._asked = asked
        #: Of a task that runs in a process of its own the asks that it waits for, once it has said so; each of them wakes it.
        self.awaits: list[Future[Any]] | None = None
        self.office = office
        self._kind = kind
        self._agent = agent
        self._has_read = False
        self._is_over = False
        self.ledger = ledger
        self._can_wait = can_wait
        self._steps: Steps | None = None
        self._room: int | None = None
        self._size_bytes = 0
        self.task_id = task_id
        self.task = task
        self.outbox: list[Outgoing] = []
        #: What counts its effects; None where nobody asked for that.
        self.tally: Tally | None = None
        #: What records it, where it is part of a trace.
        self.run: Run | None = None
        self._reported: dict[str, int] = {}

    @property
    def agent_id(self) -> str:
        """The agent's address."""
        return self._agent.id

    # -- steps ---------------------------------------------------------------------------------------------------------

    @property
    def step_id(self) -> str:
        """The id of the step that runs, else of the next one: the same whenever the task is run again.

        Outside effects happen at least once and carry that id.
        """
        return self.steps.id

    def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Coroutine[Any, Any, Any]:
        """Await it for what a function gives, as JSON gives it back. A step that has ended is never run again after a crash.

        name: 1 to 128 characters, the same each time the task is run.  function: sync or async; a sync one runs in the worker,
        as a method does.  The value is on the disk before it is returned; an error of the function is not kept.

        Raises what the function raises; BadArgument, TooManySteps, StepMismatch at once; BadReply, StepTooLarge for its value.
        """
        if not self._can_wait:
            raise BadArgument("ctx.step is awaited: make the method async")
        steps = self.steps
        taken = steps.run(name, function, arguments, steps.begin(name))
        return taken if self.run is None else self.run.step(name, taken)

    def end(self) -> None:
        """The task has done all it does. Raises StepMismatch where it took other steps than the last time."""
        if self.tally is not None:
            self._count(self.tally)
        if self._steps is not None or (self.ledger is not None and self.task_id in self.ledger.recall.steps.tasks):
            self.steps.end()

    def _count(self, tally: Tally) -> None:
        """Say what the task did beside its state and its messages."""
        if self._steps is not None:
            done = {"steps": self._steps.done, "checkpoints": self._steps.checkpoints, "asks": self._steps.answers}
            tally.counts.update(done)
        tally.counts.update(self._reported)

    def close(self) -> None:
        """The task is over: what it did not wait for is not recorded any more."""
        self._is_over = True
        if self._steps is not None:
            self._steps.is_over = True

    @property
    def steps(self) -> Steps:
        """The steps of the task."""
        if self._steps is None:
            self._steps = Steps(self.task_id, self.ledger)
            self._steps.is_over = self._is_over
        return self._steps

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    def checkpoint(
        self,
        kind: str = "progress",
        *,
        progress: float | None = None,
        partial_result: Any = None,
        context: Any = None,
        metadata: Any = None,
        expected: int | None = None,
    ) -> Coroutine[Any, Any, int]:
        """Await it for the revision of a record of where the task is; it is on the disk before that, as a step's value is.

        kind: progress or user, of which the newest is kept, or milestone, of which the last 16 are.  progress: 0 to 1.  The
        rest are JSON values; with them goes the agent's state as it stands now. A task that fails takes its state back all the
        same, and the record stays: it is read by `last_checkpoint` and shown by `engine checkpoints show`, and never becomes
        state by itself. It is a step: a replay gets its revision, and makes no other.  expected: the revision that the agent's
        newest checkpoint must have, 0 for none.

        Raises BadArgument, TooManySteps, StepMismatch at once; CheckpointConflict with `actual`, CheckpointTooLarge,
        CheckpointsFull, StoreFull, StoreStopped.
        """
        if not self._can_wait:
            raise BadArgument("ctx.checkpoint is awaited: make the method async")
        if kind not in OF_TASKS:
            raise BadArgument(f"a task makes checkpoints of the kinds {', '.join(OF_TASKS)}, got {kind!r:.80}")
        if progress is not None and (type(progress) not in (int, float) or not 0 <= progress <= 1):
            raise BadArgument(f"progress is a number from 0 to 1, got {progress!r:.80}")
        facts = {"progress": progress, "partial_result": partial_result, "context": context, "metadata": metadata}
        logbook, steps = self.office.logbook, self.steps

        def write(ordinal: int) -> int:
            return logbook.write(self._kind, self._agent, kind, facts, task=self.task_id, ordinal=ordinal, expected=expected)

        return steps.record(kind, steps.begin_checkpoint(kind), write)

    def last_checkpoint(self, kind: str | None = None) -> Checkpoint | None:
        """The agent's newest checkpoint of a kind, or of any; None where there is none.

        It is read before the first step of a task. Where the first one that is read was made by this task, before it was run
        again after a crash, the task goes on behind it: the steps before are not replayed.  Raises BadArgument after a step.
        """
        if self._steps is not None and self._steps.has_begun:
            raise BadArgument("ctx.last_checkpoint is read before the first step, question or checkpoint of a task")
        found = self.office.logbook.newest(self._agent, kind)
        if found is None:
            return None
        read = Checkpoint.of(found)
        if read.task_id == self.task_id and not self._has_read:
            self._has_read = True
            self.steps.resume(found.facts.get("o", -1))
        return read

    # -- messages ------------------------------------------------------------------------------------------------------

    def tell(self, address: str, method: str, *arguments: Any, **named: Any) -> _Done:
        """Send a task without waiting for its answer, once this task has succeeded. Awaiting it is allowed, not needed.

        address: `kind/key`, or `kind` alone for any agent of it.

        Raises BadAddress, BadArgument, OutboxFull.
        """
        if "/" in address:
            parse(address)
        else:
            valid_kind(address)
        argument, size_bytes = _sent(method, arguments, named)
        return self._put(("tell", address, method, argument), size_bytes + len(address))

    def ask(self, address: str, method: str, *arguments: Any, **named: Any) -> Future[Any]:
        """Send a task now; await the result for its value. Raises what the task failed with.

        Agents that ask each other in a circle would wait for ever: one of the asks fails with Deadlock, which names them; give
        one of them a tell. An agent that asks itself is refused.
        """
        if address == self.agent_id:
            raise BadArgument(f"{address} asks itself, and would wait for ever; call the method, or tell")
        sent = _form(method, arguments, named)
        if self.run is None:
            return self._ask(address, method, sent)
        with self.run.asking():
            return self._ask(address, method, sent)

    def _ask(self, address: str, method: str, sent: tuple[Any, ...]) -> Future[Any]:
        question: Question | Future[Any] | None = None
        if self.ledger is None:
            future = self.office.ask(address, method, sent)
        elif isinstance(question := self.steps.ask(address, method), Question):
            future = self.office.ask(address, method, sent, question)
        else:
            future = question
        if self.tally is not None:
            self.tally.asked(future)
        if future is not question:
            self.asked(address, future)
        return future

    def asked(self, address: str, future: Future[Any]) -> None:
        """The task has asked an agent; the future gets the answer."""
        if self._asked is not None:
            self._asked(self, address, future)

    def spawn(self, kind: str, key: str | int) -> _Done:
        """Make one more agent exist, once this task has succeeded; one that exists already stays as it is.

        Raises BadAddress, OutboxFull.
        """
        return self._put(("spawn", valid_kind(kind), key_of(key)))

    def timer(self, after_s: float, method: str, *arguments: Any) -> _Done:
        """Send this agent a task of its own after some seconds, counted from the success of this task.

        after_s: 0 to 366 days.  Raises BadArgument, OutboxFull.
        """
        if not 0 <= after_s <= 366 * 86_400:
            raise BadArgument(f"timer: after_s must be 0 to 366 days in seconds, got {after_s!r}")
        argument, size_bytes = _sent(method, arguments, {})
        return self._put(("timer", float(after_s), method, argument), size_bytes)

    def outside(self, target: str) -> Outcall:
        """A block for a call outside: `async with ctx.outside("api.example.com"):`, or `with` in a method that is not async.

        target: what is called, 1 to 200 characters. What the block raises counts as a failure of the target, in this worker;
        while too many fail it is not entered.  Raises BadArgument, CircuitOpen.
        """
        return self.office.outside.call(target)

    def log(self, text: str, level: str = INFO) -> None:
        """Write a line into the engine's log, with the names of agent and task, at once. What is printed goes there too.

        level: debug, info, warning or error; debug is left out unless it is asked for.  Raises BadArgument.
        """
        if level not in LEVELS or level == OFF:
            raise BadArgument(f"a level is one of {', '.join(LEVELS[:-1])}, got {level!r:.40}")
        self.office.log(self.agent_id, self.task_id, text, level)

    def progress(self, fraction: float) -> None:
        """Say how far the task is, 0 to 1: `engine tasks` shows the newest word of an accepted task that runs.

        It leaves at once, at most ten times a second, and changes nothing.  Raises BadArgument.
        """
        if type(fraction) not in (int, float) or not 0 <= fraction <= 1:
            raise BadArgument(f"progress is a number from 0 to 1, got {fraction!r:.40}")
        if self.task is not None:
            self.office.progress(self.task, float(fraction))

    def report(self, name: str, count: int = 1) -> None:
        """Say what the task has done that the engine does not see, such as `ctx.report("tests", 12)`: one of its effects.

        name: 1 to 64 characters, up to 32 of them in a task, none that the engine counts.  count: 0 to 2**53, added to what was
        said under that name. It counts if the task succeeds, where its effects are asked for.  Raises BadArgument.
        """
        reported(self._reported, name, count)

    def send(self, send: Callable[[str, Key, list[Outgoing]], None], kind: str, key: Key, outbox: list[Outgoing]) -> None:
        """Have what the task has told sent; where the task is part of a trace, so are its messages."""
        if self.run is None:
            send(kind, key, outbox)
        else:
            with self.run.asking():
                send(kind, key, outbox)

    def _put(self, outgoing: Outgoing, size_bytes: int = 0) -> _Done:
        if self._room is None:
            self._room = min(self.office.room(self.agent_id), OUTBOX_MESSAGES)
        if len(self.outbox) >= self._room:
            raise OutboxFull(
                f"an agent may have {OUTBOX_MESSAGES:,} messages on their way, all of its worker {OUTBOX_TOTAL:,} and "
                f"{OUTBOX_TOTAL_BYTES:,} bytes; there was room for {self._room:,}"
            )
        self._size_bytes += size_bytes + len(self.agent_id) + ENVELOPE_BYTES
        if self._size_bytes > OUTBOX_BYTES:
            raise OutboxFull(f"the messages of a task may have {OUTBOX_BYTES:,} bytes as JSON, these have {self._size_bytes:,}")
        self.outbox.append(outgoing)
        return _DONE
