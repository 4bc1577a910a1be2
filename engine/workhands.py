"""The agents of an engine as a workflow sees them: scaled, asked by accepted tasks, waited for.

Owns the way from a workflow's task lines to an engine in this process or to one behind a socket, and the patience with one that
has no room. What the lines are, and when they are sent, is the workflow's business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errands import Errands
from engine.errors import BadWorkflow, EngineError, IntakeFull, SubmitStopped, TaskOpen
from engine.everybody import Members, members_of
from pools.errors import BadArgument, FrameTooLarge, LinkClosed, Overloaded, PoolError, UnknownKind, failure_of
from sprints.stepresult import Ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.client import Client
    from engine.engine import Engine

__all__ = ["WorkHands"]

#: Seconds that one question for a result waits at the engine.
WAIT_S = 30.0
#: Seconds that an engine without room is asked again, and between two tries.
PATIENCE_S, AGAIN_S = 60.0, 0.2

#: Tasks that are taken back at once: one that keeps its agent is waited for, and all together no longer than one.
CANCELLED = 1_000

Said = TypeVar("Said")


class WorkHands:
    """The agents of one engine. swarm: an `Engine` that runs, or a `Client`.  paths: folders where workers find modules."""

    def __init__(self, swarm: Engine | Client, paths: Sequence[str] = ()) -> None:
        self._swarm = swarm
        self._paths = list(paths)

    async def scale(self, kind: str, count: int | None, reference: str | None) -> None:
        """Load a kind, and have so many agents at least. Raises as `spawn`; BadWorkflow for a class of another kind."""
        swarm = self._swarm
        if isinstance(swarm, Errands):
            await swarm.spawn(kind, count or 0, reference=reference, paths=self._paths)
            return
        if reference is not None:
            loaded = await swarm.load(reference, self._paths)
            if loaded != kind:
                raise BadWorkflow(f"{reference} is of the kind {loaded}, not {kind}", path=f"kinds.{kind}")
        if count is not None:
            await swarm.spawn(kind, count)

    async def members(self, kind: str) -> list[str]:
        """The addresses of all agents of a kind. Raises UnknownKind."""
        swarm = self._swarm
        if isinstance(swarm, Errands):
            found = await swarm.request("members", kind=kind)
            members = Members([(start, stop) for start, stop in found["ranges"]], found["names"])
        else:
            members = members_of(swarm.swarm, kind)
        return [f"{kind}/{key}" for key in members.keys()]  # noqa: SIM118 - no mapping

    async def submit(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        """Have task lines accepted; an engine without room is asked again for a minute.

        Raises BadWorkflow for lines that no engine would take with these values; else as `Engine.submit`.
        """
        try:
            return await _patiently(lambda: self._swarm.submit(lines))
        except (BadArgument, FrameTooLarge, UnknownKind) as wrong:
            raise BadWorkflow(f"it cannot be sent: {wrong}") from wrong

    async def ended(self, task: str) -> Ended:
        """How a task ended, once it has. Raises what is wrong with the engine, ResultGone, UnknownTask."""
        while True:
            try:
                return Ended(True, await self._swarm.result(task, WAIT_S))
            except TaskOpen:
                continue
            except IntakeFull:  # as many wait for an end as may
                await asyncio.sleep(AGAIN_S)
            except LinkClosed:
                raise
            except PoolError as error:
                failure = failure_of(error)
                return Ended(False, None, failure.type, failure.message)

    async def cancel(self, tasks: Sequence[str]) -> None:
        """Take tasks back; one that has ended, or an engine that is gone, is no error."""
        for start in range(0, len(tasks), CANCELLED):
            await asyncio.gather(*map(self._cancel, tasks[start : start + CANCELLED]))

    async def _cancel(self, task: str) -> None:
        with suppress(EngineError, PoolError):
            await self._swarm.cancel(task)


async def _patiently(submit: Callable[[], Awaitable[Said]]) -> Said:
    """Submit again while there is no room: what was accepted before is known by its key."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await submit()
        except (IntakeFull, Overloaded, SubmitStopped) as full:
            after_s = full.retry_after_s
            if after_s is None or time.monotonic() > until_s:
                raise
            await asyncio.sleep(max(after_s, AGAIN_S))
