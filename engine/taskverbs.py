"""The control verbs about accepted tasks.

Owns their names and the form of what they answer. What a task is, and what is done with it, is the business of `detached`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from engine.engine import Engine
from engine.flowfeed import FlowFeed
from engine.order import Order
from engine.places import PlacesHere, rows_of, wants_of
from engine.submission import submissions_of
from pools.errors import BadArgument
from pools.span import Parent

__all__ = ["TaskVerbs"]

#: Seconds that somebody may wait for a task at most.
WAIT_S = 86_400.0
#: Seconds that somebody may wait for a step at most: less than the feed listens without being asked.
STEPS_S = 20.0
#: Tasks on a page at most.
PAGE = 10_000
#: Characters by which a submission is told from all others.
KEY_CHARS = 64
#: Dead letters that are named at once.
NAMES = 10_000


class TaskVerbs:
    """What the socket of an engine can be asked about tasks. verbs: what each name does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._feed: FlowFeed | None = None
        self.verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {
            "place": self._place,
            "submit": self._submit,
            "result": self._result,
            "tasks": self._tasks,
            "task": self._task,
            "cancel-task": self._cancel,
            "dlq": self._letters,
            "letter": self._letter,
            "requeue": self._requeue,
            "drop": self._drop,
            "why": self._why,
            "steps": self._steps,
        }

    async def _submit(self, order: Order) -> list[str]:
        key = order.text_if_any("key") or ""
        if len(key) > KEY_CHARS:
            raise BadArgument(f"the key of a submission has up to {KEY_CHARS} characters, not {len(key):,}")
        if self._engine.tracing is not None:
            from engine.tracing.flow import SUBMITTED

            SUBMITTED.set(Parent.read(order.text_if_any("traceparent")))
        return await self._engine.detached.submit(submissions_of(order.value("tasks")), key)

    async def _place(self, order: Order) -> list[Any]:
        """Agents for tasks that are about to be sent, for the rates of their tenants."""
        swarm = self._engine.swarm
        return rows_of(PlacesHere(swarm.routes, swarm.gates, is_counted=False).found(wants_of(order.value("wants"))))

    async def _result(self, order: Order) -> dict[str, Any]:
        detached = self._engine.detached
        return detached.account.result(await detached.ended(order.reference("task"), order.seconds("wait_s", 0.0, WAIT_S)))

    async def _tasks(self, order: Order) -> dict[str, Any]:
        only = {name: order.text_if_any(name) for name in ("tag", "tenant", "kind")}
        skip, limit = order.count("skip", 0, 2**63), order.count("limit", 100, PAGE)
        return await self._engine.tasks(order.text_if_any("state"), **only, skip=skip, limit=limit)

    async def _task(self, order: Order) -> dict[str, Any]:
        return await self._engine.task(order.reference("task"))

    async def _why(self, order: Order) -> dict[str, Any]:
        return self._engine.story(order.reference("task"))

    async def _steps(self, order: Order) -> dict[str, Any]:
        self._feed = self._feed or FlowFeed(self._engine.listeners)
        return await self._feed.read(order.text("pattern"), order.count_if_any("since"), order.seconds("wait_s", 0.0, STEPS_S))

    async def _cancel(self, order: Order) -> dict[str, Any]:
        return await self._engine.cancel(order.reference("task"))

    async def _letters(self, order: Order) -> dict[str, Any]:
        detached = self._engine.detached
        letters = detached.account.letters(order.count("skip", 0, 2**63), order.count("limit", 100, PAGE))
        return {"total": len(detached.register.letters), "letters": letters}

    async def _letter(self, order: Order) -> dict[str, Any]:
        detached = self._engine.detached
        return detached.account.letter(detached.register.find(order.reference("task")))

    async def _requeue(self, order: Order) -> list[dict[str, str]]:
        return await self._engine.requeue(_names(order))

    async def _drop(self, order: Order) -> list[str]:
        return await self._engine.drop(_names(order))


def _names(order: Order) -> list[int | str] | None:
    """The tasks that are meant; None for all dead letters. Raises BadArgument."""
    return None if order.flag("all") else list(order.references("tasks"))[:NAMES]
