"""What NATS keeps for a cluster: the tasks that wait, their results, and where those went whose agents had moved.

Owns the limits of these streams, and where tasks went that were sent on. What is recorded of an envelope is `recording`'s.
Everything is asked again where no answer came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any

import orjson

from engine.cluster import cell
from engine.cluster.inputs import INPUT
from engine.cluster.recording import CHECK, OTHER_STATE, Recording
from engine.cluster.records import ENVELOPE_TASKS, RECORD_BYTES, BadRecord, Outcome, TaskEnvelope, TaskResult, encode
from engine.cluster.subjects import Subjects

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.js.api import StreamConfig
    from nats.js.client import JetStreamContext

__all__ = [
    "AGAIN",
    "AGAIN_S",
    "MOVED_BYTES",
    "RESULTS_KEPT_S",
    "SAME_S",
    "STREAM_BYTES",
    "WAITING",
    "WINDOW_S",
    "NoWay",
    "Streams",
]

#: Seconds in which a task that is sent twice is kept once.
WINDOW_S = 600.0
#: Seconds for which a result is kept, and with it the knowledge that there is one.
RESULTS_KEPT_S = 86_400.0
#: Envelopes that may wait; bytes of them, and of results; and of what is said of tasks that were sent on.
WAITING, STREAM_BYTES, MOVED_BYTES = 1_000_000, 2 * 1024**3, 512 * 1024**2
#: Seconds that one question may take, and between two tries.
ASK_S, AGAIN_S = 2.0, 0.2
#: Seconds by which two leases may differ and are the same.
SAME_S = 0.001
#: The header of an envelope that may be there twice.
AGAIN = "Engine-Again"


class NoWay(BadRecord):
    """What is kept of where a task was sent on to cannot be read: it may have been done there."""


class Streams:
    """The streams of a cluster. replicas: servers that keep them."""

    def __init__(self, nats: Nats, subjects: Subjects, replicas: int) -> None:
        self.subjects = subjects
        self._replicas = replicas
        self.context: JetStreamContext = nats.jetstream(timeout=ASK_S)

    async def open(self) -> None:
        """Have the streams. Raises nats.errors.Error, TimeoutError."""
        from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

        shared: dict[str, Any] = {
            "storage": StorageType.FILE,
            "num_replicas": self._replicas,
            "max_bytes": STREAM_BYTES,
            "max_msg_size": RECORD_BYTES + 4_096,
            "allow_direct": False,
        }
        await self._have(
            StreamConfig(
                name=self.subjects.tasks,
                subjects=[self.subjects.every("task.queue"), self.subjects.every("task.assign")],
                retention=RetentionPolicy.WORK_QUEUE,
                discard=DiscardPolicy.NEW,
                max_msgs=WAITING,
                duplicate_window=WINDOW_S,
                **shared,
            )
        )
        await self._have(
            StreamConfig(
                name=self.subjects.results,
                subjects=[self.subjects.every("task.result")],
                retention=RetentionPolicy.LIMITS,
                max_age=RESULTS_KEPT_S,
                **shared,
            )
        )
        await self._have(
            StreamConfig(
                name=self.subjects.moved,
                subjects=[self.subjects.every("task.moved")],
                retention=RetentionPolicy.LIMITS,
                max_age=RESULTS_KEPT_S,
                **shared | {"max_bytes": MOVED_BYTES},
            )
        )

    async def _have(self, config: StreamConfig) -> None:
        from nats.js.errors import NotFoundError

        try:
            await self.context.stream_info(config.name or "")
        except NotFoundError:
            await self.context.add_stream(config)

    # -- tasks ---------------------------------------------------------------------------------------------------------

    async def send(self, subject: str, envelope: TaskEnvelope, *, is_again: bool, inputs: str = "", check: str = "") -> None:
        """Have an envelope kept, once however often it is sent within WINDOW_S. Raises nats.errors.Error, TimeoutError.

        is_again: it was sent before, and no answer came.  inputs: the list of what its tasks build on; empty for nothing.
        check: what its task asks for, to be recorded with its outcome; empty where nobody asks.
        """
        headers = {"Nats-Msg-Id": f"{envelope.sender}.{envelope.id}"}
        if is_again:
            headers[AGAIN] = "1"  # a server that was restarted knows no more which ids it had, once they are acknowledged
        if inputs:
            headers[INPUT] = inputs
        if check:
            headers[CHECK] = check
        await self.context.publish(subject, encode(envelope), stream=self.subjects.tasks, headers=headers)

    async def moved(self, sender: str, id: str) -> tuple[str, list[int]] | None:
        """Where an envelope was sent on to, with which rows of the one before; None where it was not.

        Raises as `recorded`; NoWay where what is kept of it cannot be read.
        """
        from nats.js.errors import NotFoundError

        try:
            found = await self.context.get_last_msg(self.subjects.moved, self.subjects.build("task.moved", sender, id))
        except NotFoundError:
            return None
        return _way(found.data or b"")

    async def move(self, sender: str, id: str, to: str, rows: Sequence[int]) -> tuple[str, list[int]]:
        """Keep where an envelope is sent on to, before it is; returns that, or what was kept before. Raises as `moved`."""
        from nats.js.errors import APIError

        subject = self.subjects.build("task.moved", sender, id)
        headers = {"Nats-Expected-Last-Subject-Sequence": "0"}
        try:
            await self.context.publish(subject, orjson.dumps([to, list(rows)]), stream=self.subjects.moved, headers=headers)
        except APIError as error:
            known = await self.moved(sender, id) if error.err_code in OTHER_STATE else None
            if known is None:
                raise
            return known
        return to, list(rows)

    async def queue(
        self, name: str, subject: str, lease_s: float, longest: Callable[[], Awaitable[float]] | None = None
    ) -> float:
        """Have a queue from which several may take; an envelope that nobody answers for comes again after what is returned.

        That is lease_s at least, from now on; more only as long as another node needs it. longest: tells how long the nodes do,
        inf where that is not known. Raises nats.errors.Error, TimeoutError.
        """
        from nats.js.api import AckPolicy, ConsumerConfig
        from nats.js.errors import NotFoundError

        async def have(wanted_s: float) -> float:
            config = ConsumerConfig(
                durable_name=name,
                filter_subject=subject,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=wanted_s,
                max_ack_pending=10_000,
            )
            await self.context.add_consumer(self.subjects.tasks, config)
            return wanted_s

        try:
            kept_s = (await self.context.consumer_info(self.subjects.tasks, name)).config.ack_wait or 0.0
        except NotFoundError:
            return await have(lease_s)
        if kept_s < lease_s - SAME_S:
            return await have(lease_s)
        if longest is not None and kept_s > lease_s + SAME_S:
            # It is asked again after each change: who has said more meanwhile may have found the longer lease still there.
            while (wanted_s := max(lease_s, await longest())) != inf and abs(wanted_s - kept_s) > SAME_S:
                kept_s = await have(wanted_s)
        return kept_s

    # -- results -------------------------------------------------------------------------------------------------------

    def recording(self, sender: str, id: str) -> Recording:
        """What is recorded of an envelope; nothing of it is read yet."""
        return Recording(self.context, self.subjects.results, self.subjects.build("task.result", sender, id))

    async def first(self, sender: str, id: str) -> tuple[TaskResult, str] | None:
        """What is recorded of an envelope of one task, by whoever was first, and for what; asked for until that is known."""
        from nats.errors import Error

        while True:
            found = self.recording(sender, id)
            with suppress(Error, TimeoutError):
                await found.read()
                if not found.outcomes:
                    return None
                return TaskResult(sender, id, found.nodes[0], sender, (found.outcomes[0],)), found.recorded_check
            await asyncio.sleep(AGAIN_S)

    async def recorded(self, sender: str, id: str) -> dict[int, Outcome]:
        """The outcomes of an envelope that are recorded, by their rows. Raises nats.errors.Error, TimeoutError."""
        recording = self.recording(sender, id)
        await recording.read()
        return recording.outcomes


def _way(data: bytes) -> tuple[str, list[int]]:
    """Where tasks went, and which. Raises NoWay."""
    try:
        document = orjson.loads(data)
    except ValueError as error:
        raise NoWay(f"where this task was sent on to is no JSON: {error}") from error
    if type(document) is not list or len(document) != 2:
        raise NoWay(f"where a task was sent on to is [node, rows], got {document!r:.80}")
    try:
        return cell.name(document[0]), list(cell.each(cell.whole, ENVELOPE_TASKS, 1)(document[1]))
    except BadRecord as error:
        raise NoWay(f"where this task was sent on to is not known: {error}") from error
