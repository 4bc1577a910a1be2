"""What NATS keeps for a cluster: the tasks that wait, their results, and the nodes that agents are placed over.

Owns the limits of both streams, and the agreement on the nodes. What is recorded of an envelope is `recording`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from engine.cluster.recording import Recording
from engine.cluster.records import RECORD_BYTES, Outcome, TaskEnvelope, encode
from engine.cluster.subjects import Subjects
from engine.errors import ConfigError

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.js.api import StreamConfig
    from nats.js.client import JetStreamContext

__all__ = ["AGAIN", "AGAIN_S", "RESULTS_KEPT_S", "WAITING", "WINDOW_S", "Streams"]

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


class Streams:
    """The streams of a cluster. replicas: servers that keep them."""

    def __init__(self, nats: Nats, subjects: Subjects, replicas: int) -> None:
        self.subjects = subjects
        self._replicas = replicas
        self.context: JetStreamContext = nats.jetstream(timeout=ASK_S)

    async def open(self) -> None:
        """Have both streams. Raises nats.errors.Error, TimeoutError."""
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

    async def _have(self, config: StreamConfig) -> None:
        from nats.js.errors import NotFoundError

        try:
            await self.context.stream_info(config.name or "")
        except NotFoundError:
            await self.context.add_stream(config)

    async def agree(self, nodes: Sequence[str]) -> None:
        """Agree with all others on the nodes that agents are placed over. Raises ConfigError where they have other ones."""
        from nats.js.api import KeyValueConfig, StorageType
        from nats.js.errors import KeyWrongLastSequenceError, NotFoundError

        bucket = f"{self.subjects.cluster}-placement"
        try:
            store = await self.context.key_value(bucket)
        except NotFoundError:
            wanted = KeyValueConfig(bucket, history=1, storage=StorageType.FILE, replicas=self._replicas)
            store = await self.context.create_key_value(wanted)
        try:
            await store.create("nodes", orjson.dumps(sorted(nodes)))
        except KeyWrongLastSequenceError:
            known = orjson.loads((await store.get("nodes")).value or b"[]")
            if known != sorted(nodes):
                said = f"the cluster places its agents over {', '.join(known)}, not over {', '.join(sorted(nodes))}"
                raise ConfigError(f"{said}: agents would be looked for where their state is not", key="nodes") from None

    # -- tasks ---------------------------------------------------------------------------------------------------------

    async def send(self, subject: str, envelope: TaskEnvelope, *, is_again: bool) -> None:
        """Have an envelope kept, once however often it is sent within WINDOW_S. Raises nats.errors.Error, TimeoutError.

        is_again: it was sent before, and no answer came.
        """
        headers = {"Nats-Msg-Id": f"{envelope.sender}.{envelope.id}"}
        if is_again:
            headers[AGAIN] = "1"  # a server that was restarted knows no more which ids it had, once they are acknowledged
        await self.context.publish(subject, encode(envelope), stream=self.subjects.tasks, headers=headers)

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

    def recording(self, sender: str, id: str) -> Recording:
        """What is recorded of an envelope; nothing of it is read yet."""
        return Recording(self.context, self.subjects.results, self.subjects.build("task.result", sender, id))

    async def recorded(self, sender: str, id: str) -> dict[int, Outcome]:
        """The outcomes of an envelope that are recorded, by their rows. Raises nats.errors.Error, TimeoutError."""
        recording = self.recording(sender, id)
        await recording.read()
        return recording.outcomes
