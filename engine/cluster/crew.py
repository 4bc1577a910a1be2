"""The items of a sprint on their way to the agents of all nodes, and back with what proves them.

Owns what an item is as a task of the cluster: an envelope of its own under the sprint's id, so that whoever leads sends the
same again and it is done once; that what it builds on goes with it; and that its artifacts lie in the leader's work folder
before anybody looks at them. Where a node is lost with what it made, the item is another task. It judges nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cluster.access import FabricAway
from engine.cluster.chest import Chest, NotThere
from engine.cluster.inputs import Input
from engine.cluster.inquiry import Inquiry
from engine.cluster.nodefile import NodeFile
from engine.cluster.records import Outcome as Reply
from engine.cluster.records import TaskResult, Told
from engine.cluster.sender import Sender
from engine.cluster.stock import Stock
from engine.cluster.subjects import Subjects
from engine.cluster.supplies import InputMissing, Supplies, Unsupplied
from engine.errors import EngineError
from engine.options import Options
from engine.submission import Submission
from pools.errors import PoolError
from pools.lane import sent_form
from sprints.backlog import Backlog
from sprints.campaign import WORK
from sprints.item import Item
from sprints.outcome import Outcome

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Crew", "Yard", "envelope_of"]

#: Seconds between two tries where the fabric is away.
AGAIN_S = 0.5
#: Digits of an item's name in the id of its envelope.
DIGITS = 32


class Answer(NamedTuple):
    """What became of an item's task, and on which node."""

    node: str
    reply: Reply


class Yard(NamedTuple):
    """What the crews of a node have in common."""

    nats: Nats
    node: NodeFile
    chest: Chest
    told: Callable[[str], None]


def envelope_of(item: str, attempt: int) -> str:
    """The id of an item's envelope. attempt: from 0, one more for each node that was lost with what it made."""
    return f"{hashlib.sha256(item.encode()).hexdigest()[:DIGITS]}-{attempt}"


class Crew:
    """Does the items of one sprint. stock: what was made so far.  answered: told of those that have ended."""

    def __init__(
        self, yard: Yard, sprint: str, backlog: Backlog, stock: Stock, answered: Callable[[Iterable[Outcome]], None]
    ) -> None:
        node = yard.node
        self._yard = yard
        self._sprint = sprint
        self._backlog = backlog
        self._stock = stock
        self._supplies = Supplies(yard.chest, node.file.parent, yard.told)
        self._answered = answered
        self._work = backlog.ship.work or WORK
        self._sender = Sender(
            yard.nats, node.cluster, node.nodes, replicas=node.replicas, patience=node.patience, id=sprint, ended=self._ended
        )
        subjects = Subjects(node.cluster)
        self._inquiry = Inquiry(yard.nats, subjects, node.id, self._work, lambda: self._sender.members, node.offline_s)
        self._open = asyncio.Event()
        self._opening = asyncio.ensure_future(self._be_open())
        #: By envelope: results that came, whoever sent for them, and who waits for one.
        self._results: dict[str, Answer] = {}
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        #: By item: what brings it through, and the attempt that it is in.
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._attempts: dict[str, int] = {}
        self._recalls: set[asyncio.Task[None]] = set()

    async def _be_open(self) -> None:
        from nats.errors import Error

        while True:
            with suppress(Error, TimeoutError, FabricAway):
                async with self._sender:
                    self._open.set()
                    await asyncio.Event().wait()
            await asyncio.sleep(AGAIN_S)

    def close(self) -> None:
        """See sprints.runner.Agents."""
        for task in (self._opening, *self._tasks.values(), *self._recalls):
            task.cancel()
        self._inquiry.close()

    async def send(self, items: Sequence[Item], *, is_again: bool) -> None:
        """See sprints.runner.Agents."""
        for item in items:
            self._tasks[item.id] = asyncio.ensure_future(self._bring(item, is_again=is_again))

    async def recall(self, items: Sequence[str]) -> None:
        """See sprints.runner.Agents."""
        names = []
        for item in items:
            task = self._tasks.pop(item, None)
            if task is not None:
                task.cancel()
                names.append(f"{self._sprint}.{envelope_of(item, self._attempts.get(item, 0))}.0")
        if names:
            doing = asyncio.ensure_future(self._take_back(names))
            self._recalls.add(doing)
            doing.add_done_callback(self._recalls.discard)

    async def _take_back(self, names: list[str]) -> None:
        for node in self._sender.members:
            await self._inquiry.take_back(node, names)

    # -- one item ------------------------------------------------------------------------------------------------------

    async def _bring(self, item: Item, *, is_again: bool) -> None:
        await self._open.wait()
        outcome = None
        while outcome is None:
            outcome = await self._tried(item, is_again=is_again)
        self._tasks.pop(item.id, None)
        self._answered([outcome])

    async def _tried(self, item: Item, *, is_again: bool) -> Outcome | None:
        """What came of an attempt; None where its node is lost with what it made."""
        from nats.errors import Error

        attempt = self._attempts.setdefault(item.id, 0)
        envelope, inputs = envelope_of(item.id, attempt), self._stock.inputs(item.id)
        try:
            kept = await self._supplies.keep(self._work, inputs) if inputs else ""
            result = await self._result(item, envelope, is_again=is_again, inputs=kept)
        except (FabricAway, Error, TimeoutError):
            await asyncio.sleep(AGAIN_S)
            return None
        except (EngineError, PoolError) as error:
            return Outcome(item.id, False, None, type(error).__name__, str(error))
        reply = result.reply
        paths = item.artifacts if reply.error is None else ()
        told = await self._inquiry.ask(result.node, f"{self._sprint}.{envelope}.0", paths)
        wrong = None if told is None else await self._fetched(result.node, told)
        if told is None or wrong is None:
            self._yard.told(f"{self._sprint}: {result.node} is lost with what it made of {item.id}, which is done again")
            self._attempts[item.id] = attempt + 1
            return None
        await self._have(inputs)
        return _outcome(item, reply, told, wrong)

    async def _have(self, inputs: Sequence[Input]) -> None:
        """Have what an item builds on in the work folder here, for its check; what is not to be had is missing there."""
        from nats.errors import Error

        while True:
            try:
                await self._supplies.bring(self._work, inputs)
            except (InputMissing, Unsupplied) as error:
                self._yard.told(f"{self._sprint}: {error}")
            except (Error, TimeoutError):
                await asyncio.sleep(AGAIN_S)
                continue
            return

    async def _result(self, item: Item, envelope: str, *, is_again: bool, inputs: str) -> Answer:
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[envelope] = waiting
        try:
            known = self._results.get(envelope)
            if known is None:
                told = await self._sender.post(envelope, self._submission(item), is_again=is_again, inputs=inputs)
                known = None if told is None else Answer(*told)
            return known or await waiting
        finally:
            del self._waiting[envelope]
            self._results.pop(envelope, None)

    def _ended(self, result: TaskResult) -> None:
        answer = Answer(result.node, result.outcomes[0])
        self._results[result.id] = answer
        waiting = self._waiting.get(result.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _submission(self, item: Item) -> Submission:
        role = self._backlog.roles[item.role]
        argument = sent_form(item.args) if isinstance(item.args, list) else item.args or None
        options = Options(
            priority=item.priority,
            timeout_s=item.timeout_s,
            retries=item.retries or None,
            skills=role.skills or None,
            tags=[self._sprint],
            count_effects=True,
        )
        return Submission(None, role.kind, item.method, argument, None, options=options)

    async def _fetched(self, node: str, told: Told) -> dict[str, str] | None:
        """Have what a node made in the work folder here; returns what is no evidence. None where it is not to be had."""
        from nats.errors import Error

        wrong = dict(told.wrong)
        if node == self._yard.node.id or not told.made:
            return wrong
        place = Path(self._yard.node.file.parent, self._work)
        await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for path, sha256, _ in told.made:
                while path not in wrong:
                    try:
                        await self._yard.chest.get(sha256, folder, path)
                        break
                    except NotThere as error:
                        self._yard.told(f"{path}: {error}")
                        return None
                    except OSError as error:
                        wrong[path] = f"cannot be written here: {error.strerror}"
                    except (Error, TimeoutError):
                        await asyncio.sleep(AGAIN_S)
        finally:
            os.close(folder)
        return wrong


def _outcome(item: Item, reply: Reply, told: Told, wrong: Mapping[str, str]) -> Outcome:
    """What the end of a task says."""
    facts: dict[str, Any] = told.facts or {}
    if told.facts is None and reply.error is None:
        wrong = dict.fromkeys(item.artifacts, "when its task began is not known any more")
    times = [facts.get(key) for key in ("ready_s", "accepted_s", "started_s", "ended_s")]
    ready_s, accepted_s, started_s, ended_s = times
    ran_s, waited_s = facts.get("ran_s"), None
    if started_s is not None and ended_s is not None:
        ran_s = max(ended_s - started_s, 0.0) if ran_s is None else ran_s
        waited_s = round(max(ended_s - (ready_s or accepted_s) - ran_s, 0.0), 6)
    error = reply.error
    return Outcome(
        item.id,
        error is None,
        reply.value,
        None if error is None else error.type,
        None if error is None else error.message,
        facts.get("agent"),
        ran_s if ran_s is None else round(ran_s, 6),
        waited_s,
        facts.get("effects") or {},
        wrong,
    )
