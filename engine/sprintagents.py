"""The items of a sprint on their way to agents: accepted tasks, each under the id of its sprint and its own.

Owns what an item is as a task, and what its end is as an outcome. Since the same id is the same task, what was sent before a
kill is sent again without being run again. It judges nothing: what an outcome is worth is found out on the floor below.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import orjson

from checkpoints.errors import CheckpointError
from engine.detached import Detached
from engine.errors import EngineError, EngineStopped, IntakeFull, ResultGone, UnknownTask
from engine.options import Options
from engine.submission import SUBMIT_TASKS, Submission
from engine.task import Ending, Task
from pools.errors import PoolError
from pools.lane import sent_form
from sprints.backlog import Backlog
from sprints.item import Item
from sprints.outcome import Outcome

__all__ = ["SprintAgents", "name_of"]

#: An item, and whether it may have been sent before.
Sent = tuple[Item, bool]
#: Seconds between two tries to have tasks accepted where there is no room.
AGAIN_S = 0.5
#: Tasks that are taken back at once: a tenth of those who may wait for an end.
RECALLED = 1_000


class SprintAgents:
    """Does the items of one sprint. answered: told of those that have ended."""

    def __init__(
        self,
        sprint: str,
        backlog: Backlog,
        detached: Detached,
        answered: Callable[[Iterable[Outcome]], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sprint = sprint
        self._backlog = backlog
        self._detached = detached
        self._answered = answered
        self._monotonic = monotonic
        #: Items that are out, by the name of their task, with when they were sent; minus infinity where that was before a kill.
        self._out: dict[str, tuple[Item, float]] = {}
        #: Items are alike in most: a form for each that differs.
        self._options: dict[tuple[Any, ...], Options] = {}
        self._waiting: deque[Sent] = deque()
        self._sender: asyncio.Task[None] | None = None
        #: Names of those that were taken back, maybe before they were accepted.
        self._recalled: set[str] = set()
        self._recalls: set[asyncio.Task[None]] = set()
        detached.watchers.append(self._ended)

    def close(self) -> None:
        """Hear of no more ends, and send nothing more. A second call does nothing."""
        if self._sender is not None:
            self._sender.cancel()
        if self._ended in self._detached.watchers:
            self._detached.watchers.remove(self._ended)

    async def send(self, items: Sequence[Item], *, is_again: bool) -> None:
        """Have these done; returns at once."""
        self._waiting += ((item, is_again) for item in items)
        since_s = -math.inf if is_again else self._monotonic()
        for item in items:
            self._out[self._name(item.id)] = item, since_s
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send_all())

    async def recall(self, items: Sequence[str]) -> None:
        """Take these back; returns at once, what is taken back needs its time."""
        names = [name for name in map(self._name, items) if self._out.pop(name, None) is not None]
        self._recalled.update(names)
        self._take_back(names)

    def _take_back(self, names: Sequence[str]) -> None:
        if names:
            task = asyncio.get_running_loop().create_task(self._cancel_all(names))
            self._recalls.add(task)
            task.add_done_callback(self._recalls.discard)

    async def _cancel_all(self, names: Sequence[str]) -> None:
        """So many at once as there may be waiters, since one that keeps its agent is waited for."""
        for start in range(0, len(names), RECALLED):
            await asyncio.gather(*map(self._cancel, names[start : start + RECALLED]))

    async def _cancel(self, name: str) -> None:
        with suppress(EngineError, PoolError):  # it never was accepted, has ended, or the engine stops
            await self._detached.cancel(name)

    def _name(self, item: str) -> str:
        return name_of(self._sprint, item)

    # -- out ---------------------------------------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while self._waiting:
            part = [self._waiting.popleft() for _ in range(min(len(self._waiting), SUBMIT_TASKS))]
            part = [(item, is_again) for item, is_again in part if self._name(item.id) in self._out]
            late = await self._send(part) if part else []
            if late:
                self._waiting += late
                await asyncio.sleep(AGAIN_S)

    async def _send(self, part: list[Sent]) -> list[Sent]:
        """Have tasks accepted; returns those for which there is no room now. Those that never can be come back as failed."""
        try:
            await self._submit([item for item, _ in part])
        except EngineStopped:
            return []
        except IntakeFull:
            return part
        except (PoolError, EngineError, CheckpointError, ValueError, TypeError) as error:
            if len(part) > 1:  # whose fault it is
                middle = len(part) // 2
                return [*await self._send(part[:middle]), *await self._send(part[middle:])]
            if getattr(error, "retry_after_s", None) is not None:
                return part
            self._end(part[0][0], Outcome(part[0][0].id, False, None, type(error).__name__, str(error)))
            return []
        for item, is_again in part:
            if is_again:
                self._look(item)
        if self._recalled:
            self._take_back([name for item, _ in part if (name := self._name(item.id)) in self._recalled])
        return []

    async def _submit(self, items: Sequence[Item]) -> None:
        await self._detached.submit([self._submission(item) for item in items])

    def _submission(self, item: Item) -> Submission:
        role = self._backlog.roles[item.role]
        args = item.args
        argument = sent_form(args) if isinstance(args, list) else args or None
        form = item.priority, item.timeout_s, item.retries, role.skills
        options = self._options.get(form)
        if options is None:
            options = self._options[form] = Options(
                priority=item.priority,
                timeout_s=item.timeout_s,
                retries=item.retries or None,
                skills=role.skills or None,
                tags=[self._sprint],
                count_effects=True,
            )
        return Submission(self._name(item.id), role.kind, item.method, argument, None, options=options)

    def _look(self, item: Item) -> None:
        """Whether a task that was there before has ended meanwhile."""
        try:
            task = self._detached.register.find(self._name(item.id))
        except (UnknownTask, ResultGone) as error:
            self._end(item, Outcome(item.id, False, None, type(error).__name__, str(error)))
        else:
            if task.ended_s is not None:
                self._end(item, _outcome(item, task, math.inf))

    # -- back --------------------------------------------------------------------------------------------------------------

    def _ended(self, endings: Sequence[Ending]) -> None:
        """Tasks have ended, whosever they are."""
        out, now_s = self._out, self._monotonic()
        ours = [(sent, ending.task) for ending in endings if (sent := out.pop(ending.task.name, None)) is not None]  # type: ignore[arg-type]
        if ours:
            self._answered([_outcome(item, task, now_s - since_s) for (item, since_s), task in ours])

    def _end(self, item: Item, outcome: Outcome) -> None:
        if self._out.pop(self._name(item.id), None) is not None:
            self._answered([outcome])


def name_of(sprint: str, item: str) -> str:
    """What an item of a sprint is called as a task."""
    return f"{sprint}/{item}"


def _outcome(item: Item, task: Task, out_s: float) -> Outcome:
    """What the end of a task says. out_s: how long it was out, by a clock that nobody sets: no part of that was longer."""
    is_done = task.state == "done"
    error = task.error
    value: Any = None if task.value is None else orjson.loads(task.value)
    started_s, ended_s = task.started_s, task.ended_s
    ready_s = task.ready_s or task.accepted_s
    ran_s = task.ran_s
    if ran_s is None and started_s is not None and ended_s is not None:  # it did not answer
        ran_s = min(max(ended_s - started_s, 0.0), out_s)
    waited_s = None if started_s is None else max((ended_s or started_s) - ready_s - (ran_s or 0.0), 0.0)
    return Outcome(
        item.id,
        is_done,
        value,
        None if is_done or error is None else error.type,
        None if is_done or error is None else error.message,
        task.agent,
        ran_s if ran_s is None else round(ran_s, 6),
        None if waited_s is None else round(min(waited_s, max(out_s - (ran_s or 0.0), 0.0)), 6),
        task.effects or {},
    )
