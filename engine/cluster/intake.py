"""The tasks that a node takes from its cluster: leased, handed to its engine, answered.

Owns one envelope from its arrival to its acknowledgement. Each task is submitted to the engine under a name that is made of
its envelope's, so that the engine accepts it once however often it comes; the envelope is acknowledged after the outcomes of
all were recorded, each of which is after the engine's own commit. What ends early is recorded early. Until then its lease is
renewed. Who dies in between says nothing any more, and the envelope comes again: to another node if it is for a kind, to this
one when it is back if it is for an agent; what is recorded of it by then is not done again. An engine that cannot keep what it
does, as on a full disk, takes nothing for kinds, and what it has of them is offered to others; the first outcome counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from engine.cluster.astray import Astray, Elsewhere
from engine.cluster.inputs import INPUT
from engine.cluster.local import GONE, Local
from engine.cluster.once import Once
from engine.cluster.recording import CHECK
from engine.cluster.records import BadRecord, Outcome, Progress, TaskEnvelope, decode, encode
from engine.cluster.streams import AGAIN, SAME_S, Streams
from engine.cluster.supplies import InputMissing, Supplies, Unsupplied
from engine.cluster.work import Work
from engine.errors import EngineError, IntakeFull, JournalFailed
from pools.errors import AgentMoving, Overloaded, PoolError, UnknownKind, failure_of

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg

__all__ = ["Intake"]

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
#: Stands for the outcome of a task that was left out.
NOT_HERE = Outcome(None, failure_of(AgentMoving("its agent is not here")))


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
        #: When to look whether tasks for kinds can be taken again, by the clock of the loop; None while they are.
        self._look_s: float | None = None

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
                if queue.kind is not None and (self.is_drained or queue.kind not in self.kinds or await self._rests()):
                    await asyncio.sleep(AGAIN_S)
                elif self.running >= self._room or self._answering >= ANSWERS:
                    self._freed.clear()
                    await self._freed.wait()
                elif (message := await self._next(subscription)) is not None:
                    is_full = self.running >= self._room or self._look_s is not None
                    if queue.kind is not None and is_full:  # it was asked for while there was room
                        with suppress(Error):
                            await message.nak()
                        continue
                    self._answering += 1
                    group.create_task(self._answered(message, is_anyones=queue.kind is not None))
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

    async def _rests(self) -> bool:
        """Whether nothing is taken for kinds, since the engine could not keep it. Raises as `Local.do`."""
        now_s = asyncio.get_running_loop().time()
        if self._look_s is not None and now_s >= self._look_s:
            self._look_s = now_s + FULL_S
            if await self._local.keeps():
                self._look_s = None
        return self._look_s is not None

    def _rest(self) -> None:
        """Take nothing for kinds until the engine can keep it."""
        self._look_s = asyncio.get_running_loop().time() + FULL_S

    async def _refused(self, message: Msg, error: Exception | None, delay_s: float) -> None:
        """Have an envelope come again, here or elsewhere. error: what the engine said.  Raises nats.errors.Error."""
        if isinstance(error, IntakeFull | JournalFailed):
            self._rest()
        if not message.is_acked:
            await message.nak(delay=delay_s)

    async def _answered(self, message: Msg, *, is_anyones: bool) -> None:
        from nats.errors import Error

        try:
            with suppress(Error, TimeoutError):
                await self.answer(message, is_anyones=is_anyones)
        finally:
            self._answering -= 1
            self._freed.set()

    async def answer(self, message: Msg, *, is_anyones: bool = False) -> None:
        """Have an envelope done, and its outcomes recorded. is_anyones: another node may do it as well.

        Raises nats.errors.Error, LinkClosed, NotRunning, EngineStopped.
        """
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
            await self._answer(message, envelope, is_anyones=is_anyones)
        finally:
            self._at_work.discard(key)

    async def _answer(self, message: Msg, envelope: TaskEnvelope, *, is_anyones: bool) -> None:
        """Have an envelope done that is not being done here already."""
        recording = self._streams.recording(envelope.sender, envelope.id)
        recording.check = (message.headers or {}).get(CHECK, "")
        self.running += len(envelope.rows)
        try:
            if _may_be_done(message):
                await recording.read()
        finally:
            self.running -= len(envelope.rows)
        work = Work(envelope, recording, self._node, self._incarnation, self._on_end)
        self.running += work.open
        try:
            await self._done(message, work, is_anyones=is_anyones)
        except (Elsewhere, Unsupplied):
            await self._refused(message, None, FULL_S)
            return
        except UnknownKind:  # its agents have gone to other nodes since it was asked for, which do it
            self.kinds -= {envelope.rows[0][0]}
            await self._refused(message, None, FULL_S)
            return
        except (Overloaded, IntakeFull) as error:
            await self._refused(message, error, min(error.retry_after_s or FULL_S, FULL_S))
            return
        except GONE:
            raise
        except (EngineError, PoolError) as error:
            self._once(f"{envelope.sender}.{envelope.id} cannot be done now, and comes again: {type(error).__name__}: {error}")
            await self._refused(message, error, min(FULL_S * message.metadata.num_delivered, WRONG_S))
            return
        finally:
            self.running -= work.open
            if work.superseded:
                self.superseded += work.superseded
                which = f"{work.superseded} tasks of {envelope.sender}.{envelope.id}"
                self._told(f"superseded: another node was first with {which}")
        if not message.is_acked:
            await message.ack_sync(self._lease_s)

    def _on_end(self) -> None:
        self.running -= 1
        self._freed.set()

    async def _done(self, message: Msg, work: Work, *, is_anyones: bool) -> None:
        """Have an envelope done, and all of it recorded; its lease is renewed meanwhile. Raises as `_do`.

        One that is anyone's and that the engine has but cannot keep is given back meanwhile.
        """
        envelope, loop = work.envelope, asyncio.get_running_loop()
        doing = asyncio.ensure_future(self._supplied(work, message, is_anyones=is_anyones))
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
                    if message.is_acked:
                        continue
                    if is_anyones and work.open and not await self._local.keeps():
                        self._rest()
                        await message.nak()
                        continue
                    await message.in_progress()
                    progress = Progress(envelope.sender, envelope.id, self._node, work.ended, len(envelope.rows))
                    await self._nats.publish(subject, encode(progress))
            with suppress(UnknownKind):
                doing.result()
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.wait((doing,))
        await work.record()
        doing.result()

    async def _supplied(self, work: Work, message: Msg, *, is_anyones: bool) -> None:
        """Have what an envelope's tasks build on here, and then these done. Raises Unsupplied, and as `_do`."""
        inputs = (message.headers or {}).get(INPUT)
        if inputs and work.open and self.supplies is not None:
            try:
                await self.supplies.have(inputs)
            except (InputMissing, BadRecord) as error:
                for row in set(range(len(work.envelope.rows))) - work.known.keys():
                    work.end(row, Outcome(None, failure_of(error)))
                return
        kind = work.envelope.rows[0][0] if is_anyones else ""
        await self._do(work, kind, may_be_done=_may_be_done(message))

    async def _do(self, work: Work, kind: str, *, may_be_done: bool) -> None:
        """Have the tasks of an envelope done, also those whose agents are not here. Raises Elsewhere, and as `Local.do`.

        kind: that they are for, if other nodes could do them as well.
        """
        envelope, astray = work.envelope, self.astray
        if astray is None:
            await self._local.do(envelope, work.end, work.known, kind)
            return
        suspects = [at for at in await astray.suspects(envelope, may_be_done=may_be_done) if at not in work.known]
        gone = dict.fromkeys(suspects, NOT_HERE)

        def ended(row: int, outcome: Outcome) -> None:
            if astray.is_astray(envelope, row, outcome):
                gone[row] = outcome
            else:
                work.end(row, outcome)

        await self._local.do(envelope, ended, {**work.known, **gone}, kind)
        if gone:
            for row, outcome in (await astray.outcomes(envelope, gone, suspects)).items():
                work.end(row, outcome)


def _may_be_done(message: Msg) -> bool:
    """Whether an envelope was sent or delivered before."""
    return message.metadata.num_delivered != 1 or AGAIN in (message.headers or {})
