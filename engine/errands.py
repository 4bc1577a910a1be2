"""Accepted tasks, over a connection: the verbs of `Client` about them.

Owns what is asked, and which of it may be asked twice where an engine was lost meanwhile. The connection is the client's.
"""

from __future__ import annotations

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from checkpoints.spec import SESSION_BYTES
from engine.options import PLAIN, Options, Reference, wait_of
from engine.submission import Submission, rows_of, submission_of, submit_parts
from engine.tracing.client import ClientTracing
from pools.errors import Failure, FrameTooLarge, LinkClosed, raised
from pools.span import Open
from sprints.listeners import Stepped

__all__ = ["RETURN_S", "Errands"]

#: Seconds between two tries to come back to an engine that is gone.
RETURN_S = 0.05
#: Seconds that one question for steps waits.
STEPS_S = 10.0


class Errands(ABC):
    """The part of a client that is about accepted tasks. A task is named by its id, or by what its sender called it."""

    #: Seconds for which an engine that was lost is asked again; 0 for not at all.
    _patience_s: float
    #: Its part of traces; None where nothing is traced.
    tracing: ClientTracing | None = None

    @abstractmethod
    async def request(self, /, verb: str, **facts: Any) -> Any:
        """Ask for a control verb; returns its value. Raises its error, LinkClosed."""

    @property
    @abstractmethod
    def is_closed(self) -> bool:
        """Whether it was closed, or never connected."""

    async def _insist(self, verb: str, **facts: Any) -> Any:
        """The same, again and again while patience lasts and the engine is gone: for what may be said twice."""
        deadline_s = time.monotonic() + self._patience_s
        while True:
            try:
                return await self.request(verb, **facts)
            except LinkClosed:
                if self._patience_s <= 0 or self.is_closed or time.monotonic() > deadline_s:
                    raise
            await asyncio.sleep(RETURN_S)

    def _traced(self, part: Sequence[Submission]) -> Open | None:
        """The span of a submission; None where nothing is traced."""
        if self.tracing is None:
            return None
        kinds = {each.address.partition("/")[0] for each in part}
        return self.tracing.submitted(kinds.pop() if len(kinds) == 1 else "")

    async def submit(self, tasks: Iterable[Any], *, options: Options = PLAIN, wait_s: float = 0.0) -> list[str]:
        """Have tasks accepted; returns their ids. As `Engine.submit`.

        With patience an engine that was lost is asked again, and accepts them once.  Raises SubmitStopped where only
        some of them were accepted.
        """
        until_s = time.monotonic() + wait_of(wait_s)

        async def submit(part: Sequence[Submission]) -> list[str]:
            traced = self._traced(part)
            try:
                facts = {} if traced is None else {"traceparent": str(traced.place)}
                return list(await self._insist("submit", tasks=rows_of(part), key=os.urandom(SESSION_BYTES).hex(), **facts))
            except FrameTooLarge:
                if len(part) == 1:
                    raise
            finally:
                if traced is not None:
                    traced.end()
            return await submit_parts(part, submit, (len(part) + 1) // 2, until_s - time.monotonic())

        wanted = [submission_of(task, defaults=options) for task in tasks]
        return await submit_parts(wanted, submit, None, until_s - time.monotonic())

    async def result(self, id: Reference, wait_s: float = 0.0) -> Any:
        """The value of an accepted task, once it has ended. As `Engine.result`."""
        deadline_s = time.monotonic() + wait_of(wait_s)
        while True:
            try:
                said = await self.request("result", task=id, wait_s=max(deadline_s - time.monotonic(), 0.0))
                break
            except LinkClosed:
                if self._patience_s <= 0 or self.is_closed or time.monotonic() > deadline_s + self._patience_s:
                    raise
            await asyncio.sleep(RETURN_S)
        if said["state"] == "done":
            return said["value"]
        raise raised(Failure(*said["error"]))

    async def cancel(self, id: Reference) -> dict[str, Any]:
        """Take an accepted task back; returns it as it stands then. As `Engine.cancel`."""
        return dict(await self._insist("cancel-task", task=id))

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
        """A page of the accepted tasks, the newest first. limit: at most 10,000."""
        only = {"state": state, "tag": tag, "tenant": tenant, "kind": kind}
        return dict(await self.request("tasks", **only, skip=skip, limit=limit))

    async def task(self, id: Reference) -> dict[str, Any]:
        """Everything that is known of a task. As `Engine.task`."""
        return dict(await self.request("task", task=id))

    async def why(self, id: Reference) -> dict[str, Any]:
        """Why a task stands as it does. As `Engine.why`."""
        return dict(await self.request("why", task=id))

    async def subscribe(self, pattern: str = "task-execution:*") -> AsyncIterator[Stepped]:
        """Hear of the steps of flows: `async for step in await client.subscribe()` has those from now on, in their order.

        Steps that came faster than they were read are told of as one step `flows:lost`.  Raises ValueError, LinkClosed.
        """
        if ":" not in pattern:
            raise ValueError(f"a step is named flow:step, so a pattern has a colon, such as {pattern}:*")
        said = await self.request("steps", pattern=pattern, since=None)
        return self._steps(pattern, said["next"])

    async def _steps(self, pattern: str, since: int) -> AsyncIterator[Stepped]:
        while True:
            said = await self.request("steps", pattern=pattern, since=since, wait_s=STEPS_S)
            if said["lost"]:
                yield Stepped("flows:lost", time.time(), error=f"{said['lost']:,} steps or more were missed")
            for step in said["steps"]:
                yield Stepped(*step)
            since = said["next"]

    async def requeue(self, ids: Sequence[Reference] | None = None) -> list[dict[str, str]]:
        """Try tasks again that were not done, all dead letters by default; returns the old and the new id of each."""
        return list(await self.request("requeue", tasks=ids, all=ids is None))

    async def drop(self, ids: Sequence[Reference] | None = None) -> list[str]:
        """Have dead letters be none any more, all of them by default; returns their ids."""
        return list(await self.request("drop", tasks=ids, all=ids is None))
