"""The outcomes of one envelope that are recorded, whoever did its tasks.

Owns that each task has one: what is recorded of an envelope is a chain of results on its subject, and who adds to it must have
read it to its end. Who finds that another was first reads what that one wrote, and adds only what is missing. What is asked and
was not answered is asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.cluster.records import BadRecord, Outcome, TaskResult, decode, encode
from pools.errors import Failure, FrameTooLarge

if TYPE_CHECKING:
    from nats.js.client import JetStreamContext

__all__ = ["CHECK", "OTHER_STATE", "Recording", "parts_of"]

#: The header of an envelope, and of what is recorded of it, that says what a task with a key asks for.
CHECK = "Engine-Check"

#: Seconds between two tries.
AGAIN_S = 0.2
#: What NATS says where a compare-and-set found another state (ADR-10: 10071, and 10164 while a first write is under way).
OTHER_STATE = (10071, 10164)


class Recording:
    """What is recorded of one envelope, as far as it was read. stream, subject: where."""

    def __init__(self, context: JetStreamContext, stream: str, subject: str) -> None:
        self._context = context
        self._stream = stream
        self._subject = subject
        self._last = 0
        #: What the task asks for whose outcome is added, and the one whose outcome was recorded; empty where that is not said.
        self.check = self.recorded_check = ""
        #: The outcome of each task that has one, by its row, and the node whose engine did it.
        self.outcomes: dict[int, Outcome] = {}
        self.nodes: dict[int, str] = {}

    async def read(self) -> None:
        """Read on to the end. Raises nats.errors.Error, TimeoutError."""
        from nats.js.errors import NotFoundError

        while True:
            try:
                found = await self._context.get_msg(self._stream, seq=self._last + 1, subject=self._subject, next=True)
            except NotFoundError:
                return
            self._last = found.seq or self._last
            self.recorded_check = (found.headers or {}).get(CHECK, self.recorded_check)
            try:
                self._keep(decode(found.data or b"", TaskResult))
            except BadRecord:
                continue

    async def add(self, result: TaskResult) -> int:
        """Record a result; returns how many of its tasks another node was first with. It is tried until that is known."""
        from nats.errors import Error
        from nats.js.errors import APIError

        rows = tuple(result.places)
        while True:
            missing = [at for at, row in enumerate(rows) if row not in self.outcomes]
            if not missing:
                return sum(self.nodes[row] != result.node for row in rows)
            part = result
            if len(missing) < len(rows):
                outcomes = tuple(result.outcomes[at] for at in missing)
                part = replace(result, outcomes=outcomes, rows=tuple(rows[at] for at in missing))
            headers = {"Nats-Expected-Last-Subject-Sequence": str(self._last)} | ({CHECK: self.check} if self.check else {})
            try:
                said = await self._context.publish(self._subject, encode(part), stream=self._stream, headers=headers)
                self._last = said.seq
                self._keep(part)
                continue
            except APIError as error:
                if error.err_code in OTHER_STATE and await self._read_more():
                    continue
            except (Error, TimeoutError):
                pass
            await asyncio.sleep(AGAIN_S)

    async def _read_more(self) -> bool:
        """Read on; returns whether there was something."""
        from nats.errors import Error

        before = self._last
        try:
            await self.read()
        except (Error, TimeoutError):
            return False
        return self._last > before

    def _keep(self, result: TaskResult) -> None:
        for row, outcome in zip(result.places, result.outcomes, strict=True):
            self.outcomes.setdefault(row, outcome)
            self.nodes.setdefault(row, result.node)


def parts_of(result: TaskResult) -> Iterator[TaskResult]:
    """The result itself, or where it is larger than a record may be parts of it; of a value too large for one it is told."""
    try:
        encode(result)
    except BadRecord as error:
        many = len(result.outcomes)
        if many > 1:
            rows, half = tuple(result.places), many // 2
            for at in (slice(half), slice(half, None)):
                yield from parts_of(replace(result, outcomes=result.outcomes[at], rows=rows[at]))
            return
        said = f"the task is done; what it returned cannot travel: {error}"
        result = replace(result, outcomes=(Outcome(None, Failure(FrameTooLarge.__name__, said)),))
    yield result
