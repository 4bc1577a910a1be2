"""What a person can do with accepted tasks, beside submitting them: the verbs of `Engine` about them.

Owns their names and what they return. The tasks are `detached`'s, what is told of them `account`'s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import orjson

from engine.lull import lull
from engine.options import PLAIN, Options, Reference, wait_of
from engine.sprinted import Sprinted
from engine.submission import submission_of, submit_parts
from engine.waitchain import chain_of
from engine.waitchain import told as told_of
from sprints.listeners import Listeners

if TYPE_CHECKING:
    from engine.detached import Detached
    from engine.task import Task
    from pools.swarm import Swarm
    from sprints.listeners import Listener

__all__ = ["Accepted"]


class Accepted(Sprinted, ABC):
    """The part of an engine that is about accepted tasks, and about sprints, which send such.

    A task is named by its id, or by what its sender called it.
    """

    @property
    @abstractmethod
    def detached(self) -> Detached:
        """The tasks that were accepted. Raises EngineStopped."""

    @property
    @abstractmethod
    def swarm(self) -> Swarm:
        """The workers. Raises EngineStopped."""

    @abstractmethod
    def note(self, name: str, text: str) -> None:
        """Have something that happened among the events."""

    @cached_property
    def listeners(self) -> Listeners:
        """Who hears of flows: `Pipes(engine.listeners)` tells the same ones."""
        return Listeners(partial(self.note, "listener.failed"))

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Hear of the steps of flows, `task-execution:*` for those of accepted tasks; returns what ends that.

        listener: called with a `Stepped` in the place of the work; one that raises hears nothing more.  The steps are
        validateTask, assignAgent, executeTask, validateResult and checkpoint.  Raises ValueError.
        """
        return self.listeners.subscribe(pattern, listener)

    async def submit(self, tasks: Iterable[Any], *, options: Options = PLAIN, wait_s: float = 0.0) -> list[str]:
        """Accept tasks: each of them ends, whoever waits. Returns their ids, once they are kept as `durability` says.

        tasks: as for `map`; a task line may have the fields of `Options`, `after`, `deadline_s`, `sticky` and `key`.
        options: of what a line does not say, such as `Options(priority="high", retries=3)`.
        wait_s: seconds to wait for room, where there is none.
        They are accepted 1,000 at a time, each thousand whole. Raises BadArgument, UnknownKind, DuplicateTask,
        DependencyCycle, IntakeFull, Overloaded, JournalFailed; SubmitStopped where some were accepted.
        """
        with lull():
            submissions = [submission_of(task, defaults=options) for task in tasks]
        return await submit_parts(submissions, self.detached.submit, wait_s=wait_of(wait_s))

    async def result(self, id: Reference, wait_s: float = 0.0) -> Any:
        """The value of a task that was accepted, once it has ended. Raises its error, TaskOpen, ResultGone, UnknownTask."""
        return (await self.detached.ended(id, wait_of(wait_s))).outcome()

    async def cancel(self, id: Reference) -> dict[str, Any]:
        """Take an accepted task back; returns it as it stands then: its `state` says whether it was cancelled.

        Raises TaskEnded where it had ended otherwise before, UnknownTask, ResultGone.
        """
        return self.detached.account.facts(await self.detached.cancel(id))

    async def tasks(
        self,
        state: str | None = None,
        *,
        tag: str | None = None,
        tenant: str | None = None,
        kind: str | None = None,
        skip: int = 0,
        limit: int = 100,
    ) -> dict[str, Any]:
        """A page of the accepted tasks, the newest first, with the six `counts` of all. Raises BadArgument."""
        detached = self.detached
        only = {"state": state, "tag": tag, "tenant": tenant, "kind": kind}
        page = detached.account.page(skip, limit, only)
        return {"counts": detached.register.counts(), "kept": len(detached.register.tasks), "tasks": page}

    async def task(self, id: Reference) -> dict[str, Any]:
        """Everything that is known of a task but its value and its arguments. Raises UnknownTask, ResultGone."""
        return self.detached.account.facts(self.detached.register.find(id))

    async def why(self, id: Reference) -> dict[str, Any]:
        """Why a task stands as it does: what it waited for, each attempt, who holds it up, and where its time went.

        Raises UnknownTask, ResultGone.
        """
        told: dict[str, Any] = orjson.loads(orjson.dumps(self.story(id)))
        return told

    def story(self, id: Reference) -> dict[str, Any]:
        """The same, with arguments as they are kept. place: of its agent, None while none was chosen.

        obstacles: what keeps it from running, each with `what` it is and a `text`; `waits` has its `chain` of waits too, over
        tasks and agents up to one that asks nobody, each with `waiter`, `holder` and `kind`: dependency, lock or ask.
        """
        from engine.snapshot import place_facts

        task = self.detached.register.find(id)
        place = place_facts(self.swarm, task.agent)
        obstacles = list(self._obstacles(task, place)) if task.ended_s is None else []
        return {**self.detached.account.why(task), "place": place, "obstacles": obstacles}

    def _obstacles(self, task: Task, place: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
        """What keeps an open task from running: its worker, the breakers on its way, and who waits for whom."""
        if place is not None and place["state"] != "running":
            reason = f": {place['reason']}" if place["reason"] else ""
            yield {"what": "worker", "text": f"worker {place['worker']} is {place['state']}{reason}"}
        for one in self.swarm.breakers.facts():
            is_on_the_way = place is None or one["pool"] == place["pool"]
            if is_on_the_way and one["state"] != "closed" and one["kind"] in (None, task.agent.partition("/")[0]):
                of_kind = f" for {one['kind']}" if one["kind"] else ""
                yield {"what": "breaker", "text": f"the breaker of pool {one['pool']}{of_kind} is {one['state']}"}
        chain = chain_of(task, self.detached.register, self.swarm.deadlocks.way)
        if chain:
            yield {"what": "waits", "text": told_of(chain), "chain": [wait._asdict() for wait in chain]}

    async def requeue(self, ids: Sequence[Reference] | None = None) -> list[dict[str, str]]:
        """Try tasks again that failed, were cancelled or expired, all dead letters by default; the old and the new id of each.

        Raises UnknownTask, ResultGone, NotRequeued, IntakeFull, JournalFailed.
        """
        return [{"id": old, "requeued_as": new} for old, new in await self.detached.requeue(ids)]

    async def drop(self, ids: Sequence[Reference] | None = None) -> list[str]:
        """Have dead letters be none any more, all of them by default; returns their ids. Raises as `requeue`."""
        return await self.detached.drop(ids)
