"""Tasks sent into a cluster, and their outcomes.

Owns the envelopes that tasks travel in, and the one outcome of each that counts: the one that was recorded. What was done here
while the fabric was away is recorded when it is back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engine.cluster.access import FabricAway
from engine.cluster.destination import HERE, where
from engine.cluster.gathering import Gathering, Parcel, portion
from engine.cluster.inbox import Inbox
from engine.cluster.keyed import Keyed
from engine.cluster.local import Local
from engine.cluster.membership import FRESH, Member, Patience
from engine.cluster.placing import Placing
from engine.cluster.plan import first_plan
from engine.cluster.presence import Presence
from engine.cluster.pulse import Pulse
from engine.cluster.recording import parts_of
from engine.cluster.records import BadRecord, Outcome, TaskEnvelope, TaskResult, valid_id
from engine.cluster.selection import able, has_skill
from engine.cluster.streams import AGAIN_S, WINDOW_S, Streams
from engine.cluster.subjects import ANY, Subjects
from engine.errors import AgentUnavailable, EngineError, TaskOpen
from engine.submission import Submission, rows_of, submission_of
from pools.errors import BadArgument, PoolError

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Sender"]

#: Tasks of one envelope, unless told otherwise: enough to share a sync, few enough to be spread.
ENVELOPE_TASKS = 100
#: Envelopes that are sent at once.
AT_ONCE = 500
#: Seconds that outcomes are waited for, unless told otherwise.
TIMEOUT_S = 600.0
#: Seconds for which the fabric is waited for where a task can be done nowhere else.
AWAY_S = 10.0
#: Seconds that the nodes have to be heard of.
FIRST_S = 1.0
#: Seconds between two looks at the plan.
PLAN_S = 2.0
#: Seconds after which what goes on is cancelled again: a wait whose answer came in that moment has swallowed it.
CANCEL_S = 0.5


class Sender:
    """Sends tasks into a cluster: `async with Sender(…) as sender: outcomes = await sender.run(tasks)`.

    nodes: over which agents are placed where the cluster has no plan yet.
    node: the one that this process stands on, with `local` its engine; both or neither.
    id: its name; drawn where none is given. Who has a name that another one had hears of all results of that one too.
    ended: hears of each result.  spills: what no node has room for is done by the engine here, also where the fabric is there.
    waits: tasks for agents whose node is lost are sent, and wait for it; else they fail with AgentUnavailable.
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
        spills: bool = True,
        waits: bool = True,
    ) -> None:
        self.nats = nats
        self._plan = first_plan(nodes)
        self._node = node
        self._local = local
        self._spills, self._waits = spills, waits
        self._subjects = Subjects(cluster)
        self._streams = Streams(nats, self._subjects, replicas)
        self._placing = Placing(self._streams.context, cluster, replicas)
        self._pulse = Pulse(nats, self._subjects, patience or Patience())
        self._presence = Presence(nats, self._subjects, self._pulse.members, patience or Patience())
        self._here: frozenset[str] = frozenset()
        #: Its name, which no other sender has at the same time.
        self.id = valid_id(os.urandom(8).hex() if id is None else id)
        self._ended = ended
        #: Envelopes that were made; each has its number in this row.
        self.sent = 0
        self._open: dict[str, list[asyncio.Future[Outcome]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering = Gathering(self._post, self._begin, self._spread)
        self._keyed = Keyed(nats, self._streams, self._insist)
        #: Tasks that were done by the engine here, and outcomes of those that another node's came before.
        self.local_tasks = 0
        self.superseded = 0

    async def __aenter__(self) -> Self:
        if self._local is not None:
            self._here = await self._local.kinds()
        if self.nats.is_connected:
            await self._streams.open()
            self._plan = await self._placing.open(self._plan.nodes)
        await self._pulse.open()
        if self.nats.is_connected:
            await self._pulse.first(FIRST_S, self._plan.nodes)
        self._begin(Inbox(self.nats, self._streams, self.id, self._end).read())
        self._begin(self._follow())
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
            most = envelope_tasks if subject == HERE else portion(len(ats), envelope_tasks, self._spread(subject))
            for start in range(0, len(ats), most):
                part = ats[start : start + most]
                parcel = Parcel(rows_of([submissions[at] for at in part]), [loop.create_future() for _ in part])
                for at, future in zip(part, parcel.answers, strict=True):
                    futures[at] = future
                sending.append(self._go(subject, parcel, most, room))
        await asyncio.gather(*sending)
        return futures

    async def post(self, id: str, task: Any, *, is_again: bool = False, inputs: str = "") -> tuple[str, Outcome] | None:
        """Send one task under an id of the caller's: it is one task however often, and by whomever, it is sent.

        is_again: it may have been sent before; then its node and outcome are returned, if it has any. `ended` hears of others.
        inputs: the list of what it builds on, as `supplies` keeps it.
        Raises BadArgument, BadAddress, FabricAway.
        """
        if is_again:
            found = await self._streams.first(self.id, id)
            if found is not None:
                return found[0].node, found[0].outcomes[0]
        submission = _sendable(submission_of(task))
        [subject] = await self._places([submission], ANY)
        await self._insist(subject, TaskEnvelope(self.id, id, tuple(rows_of([submission]))), is_again=is_again, inputs=inputs)
        return None

    async def _places(self, tasks: Sequence[Submission], capability: str, *, may_be_here: bool = True) -> dict[str, list[int]]:
        """The tasks by where they go; the fabric is waited for where some must go there. Raises FabricAway."""
        until_s = asyncio.get_running_loop().time() + AWAY_S
        while True:
            places: dict[str, list[int]] = {}
            try:
                for at, task in enumerate(tasks):
                    places.setdefault(self._where(task, capability, may_be_here=may_be_here), []).append(at)
            except FabricAway:
                if asyncio.get_running_loop().time() > until_s:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                return places

    def _where(self, submission: Submission, capability: str, *, may_be_here: bool) -> str:
        return where(
            submission,
            self._subjects,
            self._plan,
            self._pulse.members(),
            is_away=not self.nats.is_connected,
            node=self._node if may_be_here else HERE,
            kinds=self._here if may_be_here and (self._spills or not self.nats.is_connected) else frozenset(),
            capability=capability,
        )

    def _spread(self, subject: str) -> int:
        """Among how many nodes the tasks of a subject can be dealt."""
        form, parts = self._subjects.parse(subject)
        return max(1, len(able(self._pulse.members(), parts[1], parts[0]))) if form == "task.queue" else 1

    async def _go(self, subject: str, parcel: Parcel, most: int, room: asyncio.Semaphore) -> None:
        """Send tasks of one call; what does not fill an envelope shares one with what others send now. Raises FabricAway."""
        if not self._waits and subject != HERE and (why := await self._presence.why_lost(subject)) is not None:
            parcel.fail(AgentUnavailable(f"unavailable: {why}; its agents are back with it"))
            return
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
            if len(parcels) > 1:
                half = len(parcels) // 2
                await self._post(subject, parcels[:half])
                await self._post(subject, parcels[half:])
            elif len(parcels[0].rows) > 1:
                await self._post_halves(subject, parcels[0])
            else:
                parcels[0].give_up(error)
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

    async def _post_halves(self, subject: str, parcel: Parcel) -> None:
        """Send the tasks of one call in two envelopes, one after the other."""
        for part in parcel.halves():
            await self._post(subject, [part])
            if (error := part.kept.exception()) is not None:
                return parcel.kept.set_exception(error)
        return parcel.kept.set_result(None)

    async def once(self, key: str | int, task: Any, *, capability: str = ANY) -> asyncio.Future[Outcome]:
        """Send a task that has a key: it is done once in the cluster, whoever sends it; returns a future for its outcome.

        Another task under that key ends with DuplicateTask, for as long as results are kept.
        Raises BadArgument, BadAddress, FabricAway.
        """
        submission = _sendable(submission_of(task))
        [subject] = await self._places([submission], capability, may_be_here=False)
        name, parcel = f"key-{os.urandom(8).hex()}", Parcel(rows_of([submission]), [asyncio.get_running_loop().create_future()])
        self._open[name] = parcel.answers
        self._begin(self._end_once(name, key, subject, submission, parcel))
        return parcel.answers[0]

    async def _end_once(self, name: str, key: str | int, subject: str, submission: Submission, parcel: Parcel) -> None:
        try:
            self._end(replace(await self._keyed.once(key, subject, submission), id=name))
        except BadRecord as error:
            del self._open[name]
            parcel.give_up(error)
        except FabricAway as error:
            self._fail(name, error)

    async def _insist(self, subject: str, envelope: TaskEnvelope, *, is_again: bool = False, **told: str) -> None:
        """Send an envelope until it is kept. told: as `Streams.send`.  Raises FabricAway where that is not known in time."""
        from nats.errors import Error

        until_s = asyncio.get_running_loop().time() + WINDOW_S * 0.9
        while True:
            try:
                await self._streams.send(subject, envelope, is_again=is_again, **told)
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

    async def _follow(self) -> None:
        """Know where agents are placed. Who knows an old plan sends to a node that sends it on."""
        from nats.errors import Error

        while True:
            await asyncio.sleep(PLAN_S)
            with suppress(Error, TimeoutError, BadRecord):
                if self.nats.is_connected:
                    self._plan = await self._placing.read()

    async def broadcast(
        self, tasks: Iterable[Any], *, capability: str = ANY, timeout_s: float = TIMEOUT_S
    ) -> dict[str, list[Outcome]]:
        """The outcomes of tasks that every node does which is heard and has the capability, by node. Tasks name kinds.

        Raises BadArgument, BadAddress, FabricAway; TaskOpen where some have not ended after timeout_s seconds.
        """
        submissions = [_sendable(submission_of(task)) for task in tasks]
        if any("/" in each.address for each in submissions):
            raise BadArgument("a broadcast goes to a kind: an agent is on one node")
        rows = rows_of(submissions)
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
            asked[node] = [loop.create_future() for _ in rows]
            await self._go(self._subjects.build("task.assign", node), Parcel(rows, asked[node]), len(rows), room)
        every = [future for futures in asked.values() for future in futures]
        if every and (open_ones := (await asyncio.wait(every, timeout=timeout_s))[1]):
            raise TaskOpen(f"{len(open_ones):,} of {len(every):,} tasks have not ended after {timeout_s:g} s; they go on")
        return {node: [future.result() for future in futures] for node, futures in asked.items()}

    def _end(self, result: TaskResult) -> None:
        self._ended(result)
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


def _sendable(submission: Submission) -> Submission:
    """A task itself, if it can be done by any engine. Raises BadArgument."""
    if submission.after:
        raise BadArgument('"after" names tasks of one engine: a task that is sent to a cluster cannot wait for others')
    return submission._replace(name=None)
