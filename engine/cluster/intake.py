"""The tasks that a node takes from its cluster: leased, handed to its engine, answered.

Owns one envelope from its arrival to its acknowledgement. Each task is submitted to the engine under a name that is made of
its envelope's, so that the engine accepts it once however often it comes; the envelope is acknowledged after the outcomes of
all were recorded, each of which is after the engine's own commit. What ends early is recorded early. Until then its lease is
renewed. Who dies in between says nothing any more, and the envelope comes again: to another node if it is for a kind, to this
one when it is back if it is for an agent; what is recorded of it by then is not done again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.client import Client
from engine.cluster.astray import Astray, Elsewhere
from engine.cluster.inputs import INPUT
from engine.cluster.once import Once
from engine.cluster.records import BadRecord, Outcome, Progress, TaskEnvelope, decode, encode
from engine.cluster.streams import AGAIN, SAME_S, Streams
from engine.cluster.supplies import InputMissing, Supplies, Unsupplied
from engine.cluster.work import Work
from engine.errors import (
    EngineError,
    EngineStopped,
    IntakeFull,
    JournalFailed,
    NotRunning,
    SubmitStopped,
    TaskOpen,
)
from engine.submission import Submission, submissions_of
from pools.errors import AgentMoving, BadAddress, BadArgument, LinkClosed, Overloaded, PoolError, TaskExpired, failure_of

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg

__all__ = ["Intake", "Local"]

#: Questions for tasks that are under way at once for each queue, and envelopes that are worked on at once.
PULLS, ANSWERS = 3, 500
#: Seconds that one question for tasks waits, and between two tries where the servers are away.
PULL_S, AGAIN_S = 2.0, 0.3
#: Seconds between two looks whether a lease that is longer than this node needs may be shorter.
LONG_S = 10.0
#: Seconds after which what the engine had no room for is offered again, to whoever has.
FULL_S = 1.0
#: The longest that an envelope is left alone that cannot be done.
WRONG_S = 30.0
#: Errors of an engine that is gone: the gateway begins anew.
GONE = (LinkClosed, NotRunning, EngineStopped)
#: Seconds that one question for a result waits.
RESULT_S = 60.0


#: Stands for the outcome of a task that was left out.
NOT_HERE = Outcome(None, failure_of(AgentMoving("its agent is not here")))


class Local:
    """The engine of this node, asked to do envelopes. What is accepted twice under the same names is done once."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def kinds(self) -> frozenset[str]:
        """The kinds that it has agents of: one that is only known could do no task. Raises as `do`."""
        counts = (await self.client.agents(limit=0))["kinds"]
        return frozenset(kind for kind, count in counts.items() if count)

    async def do(
        self,
        envelope: TaskEnvelope,
        ended: Callable[[int, Outcome], None] = lambda _row, _outcome: None,
        known: Mapping[int, Outcome] = MappingProxyType({}),
    ) -> tuple[Outcome, ...]:
        """The outcomes of an envelope's tasks, once all have ended.

        ended: called with each, and its row.  known: the outcomes of rows that are not done again, nor told to `ended`.

        Raises LinkClosed, NotRunning, EngineStopped where the engine is gone, Overloaded, IntakeFull where it has no room.
        """
        ids: list[str | Outcome] = []
        named: list[Submission] = []
        for at, row in enumerate(envelope.rows):
            if at in known:
                ids.append(known[at])
                continue
            try:
                [submission] = submissions_of([row])
                named.append(submission._replace(name=f"{envelope.sender}.{envelope.id}.{at}"))
                ids.append("")
            except (BadArgument, BadAddress) as error:
                late = TaskExpired("its deadline was over when it came to the node that does it")
                ids.append(Outcome(None, failure_of(late if _is_late(row) else error)))
        accepted = iter(await self._accept(named, is_begun=False))
        filled = [each if isinstance(each, Outcome) else next(accepted) for each in ids]

        async def outcome(at: int, accepted: str | Outcome) -> Outcome:
            found = await self._outcome(accepted)
            if at not in known:
                ended(at, found)
            return found

        return tuple(await asyncio.gather(*(outcome(at, each) for at, each in enumerate(filled))))

    async def _accept(self, named: list[Submission], *, is_begun: bool) -> list[str | Outcome]:
        """The id of each task, or why the engine does not take it. is_begun: others of the envelope were accepted already."""
        while named:
            try:
                return list(await self.client.submit(named))
            except (LinkClosed, NotRunning, EngineStopped, JournalFailed):
                raise
            except (Overloaded, IntakeFull, SubmitStopped) as error:
                is_begun = is_begun or isinstance(error, SubmitStopped)
                if not is_begun:
                    raise
                await asyncio.sleep(AGAIN_S)
            except (EngineError, PoolError) as error:
                if len(named) == 1:
                    return [Outcome(None, failure_of(error))]
                half = len(named) // 2
                first = await self._accept(named[:half], is_begun=is_begun)
                return first + await self._accept(named[half:], is_begun=True)
        return []

    async def _outcome(self, accepted: str | Outcome) -> Outcome:
        while not isinstance(accepted, Outcome):
            try:
                accepted = Outcome(await self.client.result(accepted, RESULT_S))
            except TaskOpen:
                continue
            except GONE:
                raise
            except (EngineError, PoolError) as error:
                accepted = Outcome(None, failure_of(error))
        return accepted


@dataclass(slots=True)
class _Queue:
    """One that is taken from. kind: that it is for, if any.  extra: questions that are under way beside the first."""

    name: str
    subject: str
    kind: str | None
    extra: int = 0
    #: When to look whether its lease may be shorter, by the clock of the loop.
    look_s: float = inf


class Intake:
    """The tasks that a node takes. incarnation: of its gateway.  room: tasks at once.  lease_s: a node's `task_lease_s`."""

    def __init__(
        self, nats: Nats, streams: Streams, local: Local, node: str, incarnation: str, room: int, lease_s: float,
        told: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._nats = nats
        self._streams = streams
        self._local = local
        self._node = node
        self._incarnation = incarnation
        self._room = room
        self._lease_s = lease_s
        self._told = told
        self._freed = asyncio.Event()
        self._answering = 0
        #: The envelopes that are being done, by sender and id: an engine may not be asked about one while it is told of it.
        self._at_work: set[tuple[str, str]] = set()
        self._once = Once(told)
        #: Tasks that are worked on now, and results of ours that came second.
        self.running = 0
        self.superseded = 0
        self.is_draining = False
        #: Whether this node takes no tasks for kinds, only those for agents.
        self.is_drained = False
        #: The kinds that this node has agents of.
        self.kinds: frozenset[str] = frozenset()
        #: Tells how long the nodes of the cluster need a lease to be; None where only this one counts.
        self.longest: Callable[[], Awaitable[float]] | None = None
        #: Where tasks go whose agents are not here; None where agents do not move.
        self.astray: Astray | None = None
        #: What brings here what tasks build on; None where none of them does.
        self.supplies: Supplies | None = None

    async def take(self, name: str, subject: str, kind: str | None = None) -> None:
        """Take envelopes of a queue until cancelled, or until all that were taken are answered after `is_draining`.

        kind: that the queue is for; while this node has no agents of it, nothing is taken.
        """
        from nats.errors import Error

        queue = _Queue(name, subject, kind)
        while True:
            with suppress(Error, TimeoutError):
                await self._have(queue)
                break
            await asyncio.sleep(AGAIN_S)
        async with asyncio.TaskGroup() as group:
            await self._pull(queue, group)

    async def _have(self, queue: _Queue) -> None:
        """Have a queue whose lease is long enough for every node, and no longer. Raises nats.errors.Error, TimeoutError."""
        kept_s = await self._streams.queue(queue.name, queue.subject, self._lease_s, self.longest)
        is_long = kept_s > self._lease_s + SAME_S
        queue.look_s = asyncio.get_running_loop().time() + LONG_S if is_long else inf

    async def _pull(self, queue: _Queue, group: asyncio.TaskGroup, *, is_extra: bool = False) -> None:
        """Take envelopes one after another while there is room, and have each answered beside the others.

        is_extra: only as long as some come; then nobody but the first one asks.
        """
        from nats.errors import Error

        subscription = await self._streams.context.pull_subscribe_bind(queue.name, stream=self._streams.subjects.tasks)
        try:
            while not self.is_draining:
                if asyncio.get_running_loop().time() > queue.look_s:
                    with suppress(Error, TimeoutError):
                        await self._have(queue)
                if queue.kind is not None and (self.is_drained or queue.kind not in self.kinds):
                    await asyncio.sleep(AGAIN_S)
                elif self.running >= self._room or self._answering >= ANSWERS:
                    self._freed.clear()
                    await self._freed.wait()
                elif (message := await self._next(subscription)) is not None:
                    if queue.kind is not None and self.running >= self._room:  # it was asked for while there was room
                        with suppress(Error):
                            await message.nak()
                        continue
                    self._answering += 1
                    group.create_task(self._answered(message))
                    if queue.extra < PULLS - 1:
                        queue.extra += 1
                        group.create_task(self._pull(queue, group, is_extra=True))
                elif is_extra:
                    break
        finally:
            queue.extra -= is_extra
            with suppress(Error):
                await subscription.unsubscribe()

    async def _next(self, subscription: Any) -> Msg | None:
        """The next envelope of a queue; None where none has come."""
        from nats.errors import Error
        from nats.errors import TimeoutError as Late

        task = asyncio.current_task()
        try:
            [message] = await subscription.fetch(1, PULL_S)
        except Late:
            return None
        except (Error, TimeoutError):
            await asyncio.sleep(AGAIN_S)
            return None
        if task is not None and task.cancelling():
            raise asyncio.CancelledError  # a wait to which a message came in that moment has swallowed it; it comes again
        found: Msg = message
        return found

    async def _answered(self, message: Msg) -> None:
        from nats.errors import Error

        try:
            with suppress(Error, TimeoutError):
                await self.answer(message)
        finally:
            self._answering -= 1
            self._freed.set()

    async def answer(self, message: Msg) -> None:
        """Have an envelope done, and its outcomes recorded. Raises nats.errors.Error, LinkClosed, NotRunning, EngineStopped."""
        try:
            envelope = decode(message.data, TaskEnvelope)
        except BadRecord as error:
            self._told(f"what came on {message.subject} is dropped: {error}")
            await message.term()
            return
        key = envelope.sender, envelope.id
        if key in self._at_work:
            await message.nak(delay=FULL_S)  # this process stood still until it came again
            return
        self._at_work.add(key)
        try:
            await self._answer(message, envelope)
        finally:
            self._at_work.discard(key)

    async def _answer(self, message: Msg, envelope: TaskEnvelope) -> None:
        """Have an envelope done that is not being done here already."""
        recording = self._streams.recording(envelope.sender, envelope.id)
        self.running += len(envelope.rows)
        try:
            if _may_be_done(message):
                await recording.read()
        finally:
            self.running -= len(envelope.rows)
        work = Work(envelope, recording, self._node, self._incarnation, self._on_end)
        self.running += work.open
        try:
            await self._done(message, work)
        except (Elsewhere, Unsupplied):
            await message.nak(delay=FULL_S)
            return
        except (Overloaded, IntakeFull) as error:
            await message.nak(delay=min(error.retry_after_s or FULL_S, FULL_S))
            return
        except GONE:
            raise
        except (EngineError, PoolError) as error:
            self._once(f"{envelope.sender}.{envelope.id} cannot be done now, and comes again: {type(error).__name__}: {error}")
            await message.nak(delay=min(FULL_S * message.metadata.num_delivered, WRONG_S))
            return
        finally:
            self.running -= work.open
            if work.superseded:
                self.superseded += work.superseded
                which = f"{work.superseded} tasks of {envelope.sender}.{envelope.id}"
                self._told(f"superseded: another node was first with {which}")
        await message.ack_sync(self._lease_s)

    def _on_end(self) -> None:
        self.running -= 1
        self._freed.set()

    async def _done(self, message: Msg, work: Work) -> None:
        """Have an envelope done, and all of it recorded; its lease is renewed meanwhile. Raises as `_do`."""
        envelope, loop = work.envelope, asyncio.get_running_loop()
        doing = asyncio.ensure_future(self._supplied(work, message))
        subject = self._streams.subjects.build("task.progress", envelope.sender, envelope.id)
        renew_s = loop.time() + self._lease_s / 3
        try:
            while not doing.done():
                await work.some(doing, renew_s - loop.time())
                if doing.done():
                    break
                await work.record()
                if loop.time() >= renew_s:
                    renew_s = loop.time() + self._lease_s / 3
                    await message.in_progress()
                    progress = Progress(envelope.sender, envelope.id, self._node, work.ended, len(envelope.rows))
                    await self._nats.publish(subject, encode(progress))
            doing.result()
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.wait((doing,))
        await work.record()

    async def _supplied(self, work: Work, message: Msg) -> None:
        """Have what an envelope's tasks build on here, and then these done. Raises Unsupplied, and as `_do`."""
        inputs = (message.headers or {}).get(INPUT)
        if inputs and work.open and self.supplies is not None:
            try:
                await self.supplies.have(inputs)
            except (InputMissing, BadRecord) as error:
                for row in set(range(len(work.envelope.rows))) - work.known.keys():
                    work.end(row, Outcome(None, failure_of(error)))
                return
        await self._do(work, may_be_done=_may_be_done(message))

    async def _do(self, work: Work, *, may_be_done: bool) -> None:
        """Have the tasks of an envelope done, also those whose agents are not here. Raises Elsewhere, and as `Local.do`."""
        envelope, astray = work.envelope, self.astray
        if astray is None:
            await self._local.do(envelope, work.end, work.known)
            return
        suspects = [at for at in await astray.suspects(envelope, may_be_done=may_be_done) if at not in work.known]
        gone = dict.fromkeys(suspects, NOT_HERE)

        def ended(row: int, outcome: Outcome) -> None:
            if astray.is_astray(envelope, row, outcome):
                gone[row] = outcome
            else:
                work.end(row, outcome)

        await self._local.do(envelope, ended, {**work.known, **gone})
        if gone:
            for row, outcome in (await astray.outcomes(envelope, gone, suspects)).items():
                work.end(row, outcome)


def _is_late(row: Sequence[Any]) -> bool:
    """Whether the deadline of a task is over."""
    at_s = row[5].get("deadline_at") if len(row) > 5 and type(row[5]) is dict else None
    return isinstance(at_s, int | float) and at_s <= time.time()


def _may_be_done(message: Msg) -> bool:
    """Whether an envelope was sent or delivered before."""
    return message.metadata.num_delivered != 1 or AGAIN in (message.headers or {})
