"""What NATS keeps for a cluster: the tasks that wait, their results, and where those went whose agents had moved.

Owns the limits of these streams, and the recording of a result, which only the first one for an envelope comes through.
Everything is asked again where no answer came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from engine.cluster.records import RECORD_BYTES, BadRecord, TaskEnvelope, TaskResult, decode, encode
from engine.cluster.subjects import Subjects

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.js.api import StreamConfig
    from nats.js.client import JetStreamContext

__all__ = ["AGAIN", "AGAIN_S", "OTHER_STATE", "RESULTS_KEPT_S", "WAITING", "WINDOW_S", "Streams"]

#: Seconds in which a task that is sent twice is kept once.
WINDOW_S = 600.0
#: Seconds for which a result is kept, and with it the knowledge that there is one.
RESULTS_KEPT_S = 86_400.0
#: Envelopes that may wait, and bytes of either stream.
WAITING, STREAM_BYTES = 1_000_000, 2 * 1024**3
#: Seconds that one question may take, and between two tries.
ASK_S, AGAIN_S = 2.0, 0.2
#: The header of an envelope that may be there twice.
AGAIN = "Engine-Again"
#: What NATS says where a compare-and-set found another state (ADR-10: 10071, and 10164 while a first write is under way).
OTHER_STATE = (10071, 10164)


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
                **shared,
            )
        )

    async def _have(self, config: StreamConfig) -> None:
        from nats.js.errors import NotFoundError

        try:
            await self.context.stream_info(config.name or "")
        except NotFoundError:
            await self.context.add_stream(config)

    # -- tasks ---------------------------------------------------------------------------------------------------------

    async def send(self, subject: str, envelope: TaskEnvelope, *, is_again: bool) -> None:
        """Have an envelope kept, once however often it is sent within WINDOW_S. Raises nats.errors.Error, TimeoutError.

        is_again: it was sent before, and no answer came.
        """
        headers = {"Nats-Msg-Id": f"{envelope.sender}.{envelope.id}"}
        if is_again:
            headers[AGAIN] = "1"  # a server that was restarted knows no more which ids it had, once they are acknowledged
        await self.context.publish(subject, encode(envelope), stream=self.subjects.tasks, headers=headers)

    async def moved(self, sender: str, id: str) -> tuple[str, list[int]] | None:
        """Where an envelope was sent on to, with which rows of the one before; None where it was not. Raises as `recorded`."""
        from nats.js.errors import NotFoundError

        try:
            found = await self.context.get_last_msg(self.subjects.moved, self.subjects.build("task.moved", sender, id))
        except NotFoundError:
            return None
        try:
            to, rows = orjson.loads(found.data or b"")
        except ValueError as error:
            raise BadRecord(f"this is no way of a task: {error}") from error
        return str(to), [int(row) for row in rows]

    async def move(self, sender: str, id: str, to: str, rows: Sequence[int]) -> tuple[str, list[int]]:
        """Keep where an envelope is sent on to, before it is; returns that, or what was kept before. Raises as `recorded`."""
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

    async def queue(self, name: str, subject: str, lease_s: float) -> None:
        """Have a queue from which several may take; an envelope that nobody answers for comes again after lease_s."""
        from nats.js.api import AckPolicy, ConsumerConfig
        from nats.js.errors import NotFoundError

        try:
            await self.context.consumer_info(self.subjects.tasks, name)
        except NotFoundError:
            config = ConsumerConfig(
                durable_name=name,
                filter_subject=subject,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=lease_s,
                max_ack_pending=10_000,
            )
            await self.context.add_consumer(self.subjects.tasks, config)

    # -- results -------------------------------------------------------------------------------------------------------

    async def recorded(self, sender: str, id: str) -> TaskResult | None:
        """The result of an envelope; None where there is none yet. Raises nats.errors.Error, TimeoutError, BadRecord."""
        from nats.js.errors import NotFoundError

        subject = self.subjects.build("task.result", sender, id)
        try:
            found = await self.context.get_last_msg(self.subjects.results, subject)
        except NotFoundError:
            return None
        return decode(found.data or b"", TaskResult)

    async def record(self, result: TaskResult) -> bool:
        """Record a result; returns whether it counts: False where another node's was first. It is tried until that is known."""
        from nats.errors import Error
        from nats.js.errors import APIError

        subject = self.subjects.build("task.result", result.sender, result.id)
        data = encode(result)
        while True:
            headers = {"Nats-Expected-Last-Subject-Sequence": "0"}
            try:
                await self.context.publish(subject, data, stream=self.subjects.results, headers=headers)
            except APIError as error:
                if error.err_code in OTHER_STATE:
                    try:
                        known = await self.recorded(result.sender, result.id)
                    except BadRecord:
                        return False
                    except (Error, TimeoutError):
                        known = None
                    if known is not None:
                        return known.node == result.node
            except (Error, TimeoutError):
                pass
            else:
                return True
            await asyncio.sleep(AGAIN_S)
