"""The tasks that a node takes from its cluster: leased, handed to its engine, answered.

Owns one envelope from its arrival to its acknowledgement. Each task is submitted to the engine under a name that is made of
its envelope's, so that the engine accepts it once however often it comes; the envelope is acknowledged after the outcomes of
all were recorded, each of which is after the engine's own commit. What ends early is recorded early. Until then its lease is
renewed. Who dies in between says nothing any more, and the envelope comes again: to another node if it is for a kind, to this
one when it is back if it is for an agent; what is recorded of it by then is not done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.client import Client
from engine.cluster.astray import Astray, Elsewhere
from engine.cluster.records import BadRecord, Outcome, Progress, TaskEnvelope, decode, encode
from engine.cluster.streams import AGAIN, Streams
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
from pools.errors import AgentMoving, BadAddress, BadArgument, LinkClosed, Overloaded, PoolError, failure_of

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg

__all__ = ["Intake", "Local"]

#: Questions for tasks that are under way at once for each queue, and envelopes that are worked on at once.
PULLS, ANSWERS = 3, 500
#: Seconds that one question for tasks waits, and between two tries where the servers are away.
PULL_S, AGAIN_S = 2.0, 0.3
#: Seconds after which what the engine had no room for is offered again, to whoever has.
FULL_S = 1.0
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
                ids.append(Outcome(None, failure_of(error)))
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
            except (LinkClosed, NotRunning, EngineStopped):
                raise
            except (EngineError, PoolError) as error:
                accepted = Outcome(None, failure_of(error))
        return accepted


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
        #: Tasks that are worked on now, and results of ours that came second.
        self.running = 0
        self.superseded = 0
        self.is_draining = False
        #: Whether this node takes no tasks for kinds, only those for agents.
        self.is_drained = False
        #: The kinds that this node has agents of.
        self.kinds: frozenset[str] = frozenset()
        #: Where tasks go whose agents are not here; None where agents do not move.
        self.astray: Astray | None = None

    async def take(self, name: str, subject: str, kind: str | None = None) -> None:
        """Take envelopes of a queue until cancelled, or until all that were taken are answered after `is_draining`.

        kind: that the queue is for; while this node has no agents of it, nothing is taken.
        """
        from nats.errors import Error

        while True:
            with suppress(Error, TimeoutError):
                await self._streams.queue(name, subject, self._lease_s)
                break
            await asyncio.sleep(AGAIN_S)
        async with asyncio.TaskGroup() as group:
            for _ in range(PULLS):
                group.create_task(self._pull(name, group, kind))

    async def _pull(self, name: str, group: asyncio.TaskGroup, kind: str | None) -> None:
        """Take envelopes one after another while there is room, and have each answered beside the others."""
        from nats.errors import Error
        from nats.errors import TimeoutError as Late

        task = asyncio.current_task()
        subscription = await self._streams.context.pull_subscribe_bind(name, stream=self._streams.subjects.tasks)
        while not self.is_draining:
            if kind is not None and (self.is_drained or kind not in self.kinds):
                await asyncio.sleep(AGAIN_S)
                continue
            if self.running >= self._room or self._answering >= ANSWERS:
                self._freed.clear()
                await self._freed.wait()
                continue
            try:
                [message] = await subscription.fetch(1, PULL_S)
            except Late:
                continue
            except (Error, TimeoutError):
                await asyncio.sleep(AGAIN_S)
                continue
            if task is not None and task.cancelling():
                raise asyncio.CancelledError  # a wait to which a message came in that moment has swallowed it; it comes again
            self._answering += 1
            group.create_task(self._answered(message))

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
        if _may_be_done(message):
            await recording.read()
        work = Work(envelope, recording, self._node, self._incarnation, self._on_end)
        self.running += work.open
        try:
            await self._done(message, work)
        except Elsewhere:
            await message.nak(delay=FULL_S)
            return
        except (Overloaded, IntakeFull) as error:
            await message.nak(delay=min(error.retry_after_s or FULL_S, FULL_S))
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
        doing = asyncio.ensure_future(self._do(work, may_be_done=_may_be_done(message)))
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


def _may_be_done(message: Msg) -> bool:
    """Whether an envelope was sent or delivered before."""
    return message.metadata.num_delivered != 1 or AGAIN in (message.headers or {})
