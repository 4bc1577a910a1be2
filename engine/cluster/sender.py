"""Tasks sent into a cluster, and their outcomes.

Owns where each task goes (the queue of its kind, the node of its agent, or the engine here where no other has room or the
fabric is away), the envelopes that it travels in, and the one outcome that counts: the one that was recorded. What was done
here while the fabric was away is recorded when it is back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engine.cluster.access import FabricAway
from engine.cluster.gathering import Gathering, Parcel
from engine.cluster.intake import Local
from engine.cluster.membership import Member, Patience
from engine.cluster.placement import place
from engine.cluster.pull import Pull
from engine.cluster.pulse import Pulse
from engine.cluster.recording import parts_of
from engine.cluster.records import BadRecord, Outcome, TaskEnvelope, TaskResult, decode, valid_id
from engine.cluster.selection import able, rank
from engine.cluster.streams import AGAIN_S, WINDOW_S, Streams
from engine.cluster.subjects import ANY, Subjects
from engine.errors import EngineError, TaskOpen
from engine.submission import Submission, rows_of, submission_of
from pools.errors import BadArgument, PoolError

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["HERE", "Sender", "where"]

#: Tasks of one envelope, unless told otherwise: enough to share a sync, few enough to be spread.
ENVELOPE_TASKS = 100
#: Envelopes that are sent at once.
AT_ONCE = 500
#: Results that are read in one go, and seconds that one question for more waits.
RESULTS, PULL_S = 64, 2.0
#: Seconds that outcomes are waited for, unless told otherwise.
TIMEOUT_S = 600.0
#: Seconds for which the fabric is waited for where a task can be done nowhere else.
AWAY_S = 10.0
#: Seconds that the first node has to be heard of.
FIRST_S = 1.0
#: Seconds after which what goes on is cancelled again: a wait whose answer came in that moment has swallowed it.
CANCEL_S = 0.5
#: Where tasks for this node's engine go.
HERE = ""


class Sender:
    """Sends tasks into a cluster: `async with Sender(…) as sender: outcomes = await sender.run(tasks)`.

    nodes: over which agents are placed.  node: the one that this process stands on, with `local` its engine; both or neither.
    """

    def __init__(
        self,
        nats: Nats,
        cluster: str,
        nodes: Sequence[str],
        *,
        replicas: int = 1,
        patience: Patience | None = None,
        node: str = HERE,
        local: Local | None = None,
        told: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.nats = nats
        self._nodes = tuple(nodes)
        self._node = node
        self._local = local
        self._told = told
        self._subjects = Subjects(cluster)
        self._streams = Streams(nats, self._subjects, replicas)
        self._pulse = Pulse(nats, self._subjects, patience or Patience())
        self._here: frozenset[str] = frozenset()
        #: Its name, which no other sender has.
        self.id = valid_id(os.urandom(8).hex())
        #: Envelopes that were made; each has its number in this row.
        self.sent = 0
        self._open: dict[str, list[asyncio.Future[Outcome]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering = Gathering(self._post, self._begin, self._spread)
        #: Tasks that were done by the engine here, and outcomes of those that another node's came before.
        self.local_tasks = 0
        self.superseded = 0

    async def __aenter__(self) -> Self:
        if self._local is not None:
            self._here = frozenset(await self._local.client.kinds())
        if self.nats.is_connected:
            await self._streams.open()
            await self._streams.agree(self._nodes)
        await self._pulse.open()
        if self.nats.is_connected:
            await self._pulse.first(FIRST_S)
        self._begin(self._read())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        tasks, left = tuple(self._tasks), set(self._tasks)
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=CANCEL_S)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._gathering.close(FabricAway("the sender was closed before it sent this"))
        await self._pulse.close()

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def members(self) -> dict[str, Member]:
        """The nodes that were heard of, as they stand now."""
        return self._pulse.members()

    async def run(
        self, tasks: Iterable[Any], *, capability: str = ANY, envelope_tasks: int = ENVELOPE_TASKS, timeout_s: float = TIMEOUT_S
    ) -> list[Outcome]:
        """The outcomes of tasks, in their order. As `send`; raises TaskOpen where some have none after timeout_s seconds."""
        futures = await self.send(tasks, capability=capability, envelope_tasks=envelope_tasks)
        if futures:
            _, open_ones = await asyncio.wait(futures, timeout=timeout_s)
            if open_ones:
                raise TaskOpen(f"{len(open_ones):,} of {len(futures):,} tasks have not ended after {timeout_s:g} s; they go on")
        return [future.result() for future in futures]

    async def send(
        self, tasks: Iterable[Any], *, capability: str = ANY, envelope_tasks: int = ENVELOPE_TASKS
    ) -> list[asyncio.Future[Outcome]]:
        """Send tasks; returns a future for each outcome, once they are kept or, where the fabric is away, accepted here.

        capability: that the nodes of tasks for a kind must have.  Raises BadArgument, BadAddress; FabricAway for what cannot
        be done here where the fabric is away for AWAY_S, and then nothing was sent. Servers that take nothing, or take long,
        are waited for as long as a second sending of the same is noticed: nine minutes.
        """
        submissions = [_sendable(submission_of(task)) for task in tasks]
        places = await self._places(submissions, capability)
        futures: list[Any] = [None] * len(submissions)
        room = asyncio.Semaphore(AT_ONCE)
        loop = asyncio.get_running_loop()
        sending = []
        for subject, ats in places.items():
            for start in range(0, len(ats), envelope_tasks):
                part = ats[start : start + envelope_tasks]
                parcel = Parcel(rows_of([submissions[at] for at in part]), [loop.create_future() for _ in part])
                for at, future in zip(part, parcel.answers, strict=True):
                    futures[at] = future
                sending.append(self._go(subject, parcel, envelope_tasks, room))
        await asyncio.gather(*sending)
        return futures

    async def _places(self, submissions: Sequence[Submission], capability: str) -> dict[str, list[int]]:
        """The tasks by where they go; the fabric is waited for where some must go there. Raises FabricAway."""
        until_s = asyncio.get_running_loop().time() + AWAY_S
        while True:
            places: dict[str, list[int]] = {}
            try:
                for at, submission in enumerate(submissions):
                    places.setdefault(self._where(submission, capability), []).append(at)
            except FabricAway:
                if asyncio.get_running_loop().time() > until_s:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                return places

    def _where(self, submission: Submission, capability: str) -> str:
        return where(
            submission,
            self._subjects,
            self._nodes,
            self._pulse.members(),
            is_away=not self.nats.is_connected,
            node=self._node,
            kinds=self._here,
            capability=capability,
        )

    def _spread(self, subject: str) -> int:
        """Among how many nodes the tasks of a subject can be dealt."""
        form, parts = self._subjects.parse(subject)
        return max(1, len(able(self._pulse.members(), parts[1], parts[0]))) if form == "task.queue" else 1

    async def _go(self, subject: str, parcel: Parcel, most: int, room: asyncio.Semaphore) -> None:
        """Send tasks of one call; what does not fill an envelope shares one with what others send now. Raises FabricAway."""
        if subject != HERE and len(parcel.rows) < most:
            await self._gathering.send(subject, parcel, most)
            return
        async with room:
            if subject == HERE:
                self._begin(self._do_here(self._opened([parcel])))
            else:
                await self._post(subject, [parcel])
                await parcel.kept

    def _opened(self, parcels: Sequence[Parcel]) -> TaskEnvelope:
        """An envelope with these tasks, whose outcomes are waited for."""
        self.sent += 1
        envelope = TaskEnvelope(self.id, str(self.sent), tuple(row for parcel in parcels for row in parcel.rows))
        self._open[envelope.id] = [answer for parcel in parcels for answer in parcel.answers]
        return envelope

    async def _post(self, subject: str, parcels: Sequence[Parcel]) -> None:
        """Send parcels in one envelope, or where they are too much for one in several; each hears what became of it."""
        envelope = self._opened(parcels)
        try:
            await self._insist(subject, envelope)
        except BadRecord as error:
            del self._open[envelope.id]
            if len(parcels) == 1:
                parcels[0].refuse(error)
            else:
                half = len(parcels) // 2
                await self._post(subject, parcels[:half])
                await self._post(subject, parcels[half:])
        except FabricAway as error:
            for parcel in parcels:
                parcel.refuse(error)
        else:
            for parcel in parcels:
                if not parcel.kept.done():
                    parcel.kept.set_result(None)
        finally:
            for parcel in parcels:
                parcel.refuse(FabricAway(f"the sender was closed before it knew whether envelope {envelope.id} is kept"))

    async def _insist(self, subject: str, envelope: TaskEnvelope) -> None:
        """Send an envelope until it is kept. Raises FabricAway where that is not known after most of WINDOW_S."""
        from nats.errors import Error

        until_s = asyncio.get_running_loop().time() + WINDOW_S * 0.9
        is_again = False
        while True:
            try:
                await self._streams.send(subject, envelope, is_again=is_again)
            except (Error, TimeoutError) as error:
                if asyncio.get_running_loop().time() > until_s:
                    raise FabricAway(f"whether envelope {envelope.id} of {self.id} was kept is not known") from error
                is_again = True
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _do_here(self, envelope: TaskEnvelope) -> None:
        """Have an envelope done by the engine here, and recorded once the fabric is there."""
        if self._local is None:
            return
        try:
            outcomes = await self._local.do(envelope)
        except (EngineError, PoolError) as error:
            self._fail(envelope.id, error)
            return
        self.local_tasks += len(outcomes)
        recording = self._streams.recording(self.id, envelope.id)
        results = list(parts_of(TaskResult(self.id, envelope.id, self._node, self.id, outcomes)))
        for result in results:
            self._end(result)
        for result in results:
            self.superseded += await recording.add(result)

    async def _read(self) -> None:
        """Read results of this sender as they are recorded, from the first one on."""
        from nats.errors import Error

        after = 0
        while True:
            with suppress(Error, TimeoutError):
                after = await self._read_from(after)
            await asyncio.sleep(AGAIN_S)

    async def _read_from(self, after: int) -> int:
        """Read results behind a place in their stream; returns the place up to which none is missing, once one is.

        A connection that breaks takes with it what was on its way: the server counts that as delivered.
        """
        from nats.errors import Error
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        context, stream = self._streams.context, self._subjects.results
        begin: dict[str, Any] = {"deliver_policy": DeliverPolicy.ALL}
        if after:
            begin = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": after + 1}
        mine = self._subjects.every("task.result", self.id)
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60.0, filter_subject=mine, **begin)
        name = (await context.add_consumer(stream, config)).name
        pull, number = Pull(self.nats, stream, name, RESULTS, PULL_S), 0
        try:
            while True:
                message = await pull.next()
                if message is None:
                    delivered = (await context.consumer_info(stream, name)).delivered
                    if delivered is not None and delivered.consumer_seq != number:
                        return after
                    continue
                place = message.metadata.sequence
                if place.consumer != number + 1:
                    return after
                number, after = place.consumer, place.stream
                with suppress(BadRecord):
                    self._end(decode(message.data, TaskResult))
        except (Error, TimeoutError):
            return after
        finally:
            await pull.close()

    def _end(self, result: TaskResult) -> None:
        futures = self._open.get(result.id, [])
        if result.places[-1] >= len(futures):
            return
        for at, outcome in zip(result.places, result.outcomes, strict=True):
            if not futures[at].done():
                futures[at].set_result(outcome)
        if all(future.done() for future in futures):
            del self._open[result.id]

    def _fail(self, id: str, error: Exception) -> None:
        for future in self._open.pop(id, []):
            if not future.done():
                future.set_exception(error)


def where(
    submission: Submission,
    subjects: Subjects,
    nodes: Sequence[str],
    members: Mapping[str, Member],
    *,
    is_away: bool,
    node: str,
    kinds: frozenset[str],
    capability: str = ANY,
) -> str:
    """The subject that a task goes to; HERE for the engine of this node.

    nodes: over which agents are placed.  members: those that were heard of.  node, kinds: this one, HERE for none, and what its
    engine has.  Raises FabricAway where it cannot go anywhere while the fabric is away.
    """
    kind, slash, _ = submission.address.partition("/")
    if slash:
        home = place(submission.address, nodes) or HERE
        if not is_away:
            return subjects.build("task.assign", home)
        if home == node:
            return HERE
        raise FabricAway(f"{submission.address} lives on {home}, and the fabric is away")
    can_here = kind in kinds and capability == ANY
    if can_here and (is_away or not rank(members, kind, capability, submission.options.priority)):
        return HERE
    if is_away:
        raise FabricAway(f"no engine here does tasks of {kind} with the capability {capability}, and the fabric is away")
    return subjects.build("task.queue", capability, kind)


def _sendable(submission: Submission) -> Submission:
    """A task itself, if it can be done by any engine. Raises BadArgument."""
    if submission.after:
        raise BadArgument('"after" names tasks of one engine: a task that is sent to a cluster cannot wait for others')
    return submission._replace(name=None)
