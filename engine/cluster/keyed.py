"""Tasks that have a key: one each in the whole cluster, however often, and by whomever, they are sent.

Owns that, and that a key stands for one task: who asks for another one under it is told so. Such a task travels in an
envelope of its own, whose id is made of its key, under a name that all senders share; what is recorded of it is found for as
long as results are kept. A result that is heard of is a hint, its record the answer.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.cluster.records import Outcome, TaskEnvelope, TaskResult
from engine.cluster.streams import Streams
from engine.errors import DuplicateTask
from engine.names import check_of
from engine.submission import Submission, rows_of
from engine.task import exact
from pools.errors import failure_of

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg

__all__ = ["KEYED", "Keyed"]

#: The name that all who send tasks with a key have.
KEYED = "keyed"
#: Seconds after which what is recorded is looked at although nothing was heard.
LOOK_S = 2.0


class Keyed:
    """The tasks with a key of one sender. keep: has an envelope kept; as `Streams.send`."""

    def __init__(self, nats: Nats, streams: Streams, keep: Callable[..., Awaitable[None]]) -> None:
        self._nats = nats
        self._streams = streams
        self._keep = keep
        self._opening: asyncio.Future[Any] | None = None
        self._heard: dict[str, asyncio.Event] = {}

    async def once(self, key: str | int, subject: str, submission: Submission) -> TaskResult:
        """What is recorded of the task with a key; it is sent where nothing is. Another task under that key is DuplicateTask.

        Raises FabricAway, BadRecord.
        """
        check = _check(submission)
        name = hashlib.sha256(f"{type(key).__name__}:{key}".encode()).hexdigest()[:40]
        heard = self._heard.setdefault(name, asyncio.Event())
        if self._opening is None:
            every = self._streams.subjects.every("task.result", KEYED)
            self._opening = asyncio.ensure_future(self._nats.subscribe(every, cb=self._on_result))
        await self._opening
        is_kept = False
        while True:
            heard.clear()
            found = await self._streams.first(KEYED, name)
            if found is not None:
                result, other = found
                if other in ("", check):
                    return result
                other_task = DuplicateTask(f"key {str(key)!r:.80} stands for another task of this cluster")
                return replace(result, outcomes=(Outcome(None, failure_of(other_task)),))
            if not is_kept:
                await self._keep(subject, TaskEnvelope(KEYED, name, tuple(rows_of([submission]))), is_again=True, check=check)
                is_kept = True
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await heard.wait()

    async def _on_result(self, message: Msg) -> None:
        heard = self._heard.get(message.subject.rpartition(".")[2])
        if heard is not None:
            heard.set()


def _check(submission: Submission) -> str:
    """What another task has only if the same is asked; until when it is wanted does not count."""
    argument = None if submission.argument is None else exact(submission.argument)
    return f"{check_of(submission._replace(deadline_s=None, deadline_at=None), argument):08x}"
