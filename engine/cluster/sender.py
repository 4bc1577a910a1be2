"""Tasks sent into a cluster, and their outcomes.

Owns where each task goes (the queue of its kind, the node of its agent, or the engine here where no other has room or the
fabric is away), the envelopes that it travels in, and the one outcome that counts: the one that was recorded. What was done
here while the fabric was away is recorded when it is back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engine.cluster.access import FabricAway
from engine.cluster.intake import Local, fitting
from engine.cluster.membership import FRESH, Member, Patience
from engine.cluster.placement import place
from engine.cluster.placing import Placing
from engine.cluster.pulse import Pulse
from engine.cluster.records import BadRecord, Outcome, TaskEnvelope, TaskResult, decode, valid_id
from engine.cluster.selection import has_skill, rank
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
#: Seconds between two looks at the plan.
PLAN_S = 2.0
#: Where tasks for this node's engine go.
HERE = ""


class Sender:
    """Sends tasks into a cluster: `async with Sender(…) as sender: outcomes = await sender.run(tasks)`.

    nodes: over which agents are placed where the cluster has no plan yet.
    node: the one that this process stands on, with `local` its engine; both or neither.
    id: its name; drawn where none is given. Who has a name that another one had hears of all results of that one too.
    ended: hears of each result.
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
        id: str | None = None,
        ended: Callable[[TaskResult], None] = lambda _result: None,
        told: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.nats = nats
        self._nodes = tuple(nodes)
        self._node = node
        self._local = local
        self._told = told
        self._subjects = Subjects(cluster)
        self._streams = Streams(nats, self._subjects, replicas)
        self._placing = Placing(self._streams.context, cluster, replicas)
        self._pulse = Pulse(nats, self._subjects, patience or Patience())
        self._here: frozenset[str] = frozenset()
        #: Its name, which no other sender has at the same time.
        self.id = valid_id(os.urandom(8).hex() if id is None else id)
        self._ended = ended
        #: Envelopes that were made; each has its number in this row.
        self.sent = 0
        self._open: dict[str, list[asyncio.Future[Outcome]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: Tasks that were done by the engine here, and outcomes of those that another node's came before.
        self.local_tasks = 0
        self.superseded = 0

    async def __aenter__(self) -> Self:
        if self._local is not None:
            self._here = await self._local.kinds()
        if self.nats.is_connected:
            await self._streams.open()
            self._nodes = (await self._placing.open(self._nodes)).nodes
        await self._pulse.open()
        if self.nats.is_connected:
            await self._pulse.first(FIRST_S)
        self._begin(self._read())
        self._begin(self._follow())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pulse.close()

    def _begin(self, doing: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(doing)
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
                self.sent += 1
                rows = tuple(rows_of([submissions[at] for at in part]))
                envelope = TaskEnvelope(self.id, str(self.sent), rows)
                answers = [loop.create_future() for _ in part]
                self._open[envelope.id] = answers
                for at, future in zip(part, answers, strict=True):
                    futures[at] = future
                sending.append(self._go(subject, envelope, room))
        await asyncio.gather(*sending)
        return futures

    async def post(self, id: str, task: Any, *, capability: str = ANY, is_again: bool = False) -> TaskResult | None:
        """Send one task under an id of the caller's: it is one task however often, and by whomever, it is sent.

        is_again: it may have been sent before; then its result is returned if there is one. All other results `ended` hears.
        Raises BadArgument, BadAddress, FabricAway.
        """
        if is_again:
            known = await self._known(id)
            if known is not None:
                return known
        submission = _sendable(submission_of(task))
        [subject] = await self._places([submission], capability)
        await self._insist(subject, TaskEnvelope(self.id, id, tuple(rows_of([submission]))), is_again=is_again)
        return None

    async def _known(self, id: str) -> TaskResult | None:
        """The result of an envelope; it is asked for until that is known."""
        from nats.errors import Error

        while True:
            with suppress(Error, TimeoutError):
                return await self._streams.recorded(self.id, id)
            await asyncio.sleep(AGAIN_S)

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

    async def _go(self, subject: str, envelope: TaskEnvelope, room: asyncio.Semaphore) -> None:
        async with room:
            if subject == HERE:
                self._begin(self._do_here(envelope))
            else:
                await self._insist(subject, envelope)

    async def _insist(self, subject: str, envelope: TaskEnvelope, *, is_again: bool = False) -> None:
        """Send an envelope until it is kept. Raises FabricAway where that is not known after most of WINDOW_S."""
        from nats.errors import Error

        until_s = asyncio.get_running_loop().time() + WINDOW_S * 0.9
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
        result = fitting(TaskResult(self.id, envelope.id, self._node, self.id, outcomes))
        self._end(result)
        if not await self._streams.record(result):
            self.superseded += len(outcomes)

    async def _follow(self) -> None:
        """Know over which nodes agents are placed. Who knows an old list sends to a node that sends it on."""
        from nats.errors import Error

        while True:
            await asyncio.sleep(PLAN_S)
            with suppress(Error, TimeoutError, BadRecord):
                if self.nats.is_connected:
                    self._nodes = (await self._placing.read()).nodes

    async def broadcast(
        self, tasks: Iterable[Any], *, capability: str = ANY, timeout_s: float = TIMEOUT_S
    ) -> dict[str, list[Outcome]]:
        """The outcomes of tasks that every node does which is heard and has the capability, by node. Tasks name kinds.

        Raises BadArgument, BadAddress, FabricAway; TaskOpen where some have not ended after timeout_s seconds.
        """
        submissions = [_sendable(submission_of(task)) for task in tasks]
        if any("/" in each.address for each in submissions):
            raise BadArgument("a broadcast goes to a kind: an agent is on one node")
        rows = tuple(rows_of(submissions))
        nodes = [
            node
            for node, member in self.members.items()
            if member.state in FRESH and all(has_skill(member, each.address, capability) for each in submissions)
        ]
        if not self.nats.is_connected:
            raise FabricAway("a broadcast needs the fabric, which is away")
        room, loop = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop()
        asked: dict[str, list[asyncio.Future[Outcome]]] = {}
        for node in nodes:
            self.sent += 1
            envelope = TaskEnvelope(self.id, str(self.sent), rows)
            asked[node] = self._open[envelope.id] = [loop.create_future() for _ in rows]
            await self._go(self._subjects.build("task.assign", node), envelope, room)
        every = [future for futures in asked.values() for future in futures]
        if every and (open_ones := (await asyncio.wait(every, timeout=timeout_s))[1]):
            raise TaskOpen(f"{len(open_ones):,} of {len(every):,} tasks have not ended after {timeout_s:g} s; they go on")
        return {node: [future.result() for future in futures] for node, futures in asked.items()}

    async def _read(self) -> None:
        """Read results of this sender as they are recorded, from the first one on."""
        from nats.errors import Error
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        subject, after = self._subjects.every("task.result", self.id), 0
        while True:
            begin: dict[str, Any] = {"deliver_policy": DeliverPolicy.ALL}
            if after:
                begin = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": after + 1}
            config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60.0, **begin)
            with suppress(Error, TimeoutError):
                results = self._subjects.results
                subscription = await self._streams.context.pull_subscribe(subject, stream=results, config=config)
                while True:
                    try:
                        [message] = await subscription.fetch(1, PULL_S)
                    except TimeoutError:
                        await subscription.consumer_info()
                        continue
                    after = message.metadata.sequence.stream
                    with suppress(BadRecord):
                        self._end(decode(message.data, TaskResult))
            await asyncio.sleep(AGAIN_S)

    def _end(self, result: TaskResult) -> None:
        self._ended(result)
        futures = self._open.pop(result.id, [])
        if len(futures) == len(result.outcomes):
            for future, outcome in zip(futures, result.outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)

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
