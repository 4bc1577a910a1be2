"""Values that NATS keeps for sprints, each as one message or several, behind one another on a subject.

Owns that a value is there whole or not at all, however large, and that it is added only behind the value that its writer knew
as the newest: of two who write, one is `Overtaken`. Who was killed in the midst of a value leaves pieces that nobody takes for
one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cluster.recording import OTHER_STATE
from engine.cluster.streams import AGAIN_S
from engine.errors import Unavailable

if TYPE_CHECKING:
    from nats.js.api import RawStreamMsg
    from nats.js.client import JetStreamContext

__all__ = ["PIECE_BYTES", "Found", "Overtaken", "Piece", "Pieces", "StreamFull"]

#: Bytes of one message, below the 1 MiB that a server takes; and messages that are read in one go.
PIECE_BYTES, PIECES = 512 * 1024, 16
#: Seconds that one question for more waits, and such questions in a row that come to nothing.
PULL_S, FAILURES = 2.0, 25
#: The header that says which value a message is of, which piece, and of how many.
MARK = "Engine-Piece"
#: What NATS says where a stream may not grow.
FULL = (10047, 10077)


class Overtaken(Unavailable):
    """Somebody else has written: this process leads no more."""


class StreamFull(Unavailable):
    """The servers keep no more of this."""


class Piece(NamedTuple):
    """One message. value: which one it is of.  sequence: its number in the stream.  note: what its writer said of the value."""

    value: str
    at: int
    of: int
    data: bytes
    sequence: int
    note: str


class Found(NamedTuple):
    """The whole values of a subject, in their order, and the sequence of its last message; 0 for none."""

    values: list[bytes]
    last: int


class Pieces:
    """The values of a stream. may: whether this process may write still."""

    def __init__(self, context: JetStreamContext, stream: str, may: Callable[[], bool] = lambda: True) -> None:
        self._context = context
        self._stream = stream
        self._may = may

    async def last(self, subject: str) -> int:
        """The sequence of the newest message; 0 for none. Raises nats.errors.Error, TimeoutError."""
        newest = await self._newest(subject)
        return 0 if newest is None else newest[0]

    async def newest(self, subject: str) -> tuple[bytes, int]:
        """The newest value of a subject whose values are of one piece, and its sequence; none and 0 before the first.

        Raises nats.errors.Error, TimeoutError.
        """
        found = await self._message(subject)
        return (b"", 0) if found is None else (found.data or b"", found.seq or 0)

    async def _newest(self, subject: str) -> tuple[int, str] | None:
        found = await self._message(subject)
        return None if found is None else (found.seq or 0, (found.headers or {}).get(MARK, ""))

    async def _message(self, subject: str) -> RawStreamMsg | None:
        from nats.js.errors import NotFoundError

        try:
            return await self._context.get_last_msg(self._stream, subject)
        except NotFoundError:
            return None

    async def is_whole(self, subject: str) -> bool:
        """Whether the newest value of a subject is there with its last piece. Raises nats.errors.Error, TimeoutError."""
        newest = await self._newest(subject)
        if newest is None:
            return False
        _, at, count, _ = newest[1].split(" ")
        return int(at) + 1 == int(count)

    async def subjects(self, pattern: str) -> list[str]:
        """The subjects that have a message. Raises nats.errors.Error, TimeoutError."""
        info = await self._context.stream_info(self._stream, subjects_filter=pattern)
        return sorted(info.state.subjects or {})

    # -- writing -------------------------------------------------------------------------------------------------------

    async def append(self, subject: str, data: bytes, after: int) -> int:
        """Add a value behind the message `after`, 0 for the first; returns the sequence of its last message.

        It is tried until that is known.  Raises Overtaken where another message is the newest, or this process may not write
        any more; StreamFull.
        """
        return await self.pour(subject, len(data), lambda start, size_bytes: data[start : start + size_bytes], after)

    async def pour(self, subject: str, size_bytes: int, read: Callable[[int, int], bytes], after: int, note: str = "-") -> int:
        """The same for a value that is read part by part. read: from a place on, so many bytes.  note: a word about it."""
        name = os.urandom(8).hex()
        count = max(-(-size_bytes // PIECE_BYTES), 1)
        for at in range(count):
            after = await self._put(subject, read(at * PIECE_BYTES, PIECE_BYTES), f"{name} {at} {count} {note}", after)
        return after

    async def _put(self, subject: str, data: bytes, mark: str, after: int) -> int:
        from nats.errors import Error
        from nats.js.errors import APIError

        headers = {MARK: mark, "Nats-Expected-Last-Subject-Sequence": str(after)}
        while self._may():
            try:
                return (await self._context.publish(subject, data, stream=self._stream, headers=headers)).seq
            except APIError as error:
                if error.err_code in FULL:
                    raise StreamFull(f"the servers keep no more of {self._stream}: {error.description}") from error
                if error.err_code in OTHER_STATE:
                    with suppress(Error, TimeoutError):
                        sequence, known = await self._newest(subject) or (0, "")
                        if known == mark:
                            return sequence
                        if sequence != after:
                            raise Overtaken(f"{subject} was written by somebody else") from error
            except (Error, TimeoutError):
                pass
            await asyncio.sleep(AGAIN_S)
        raise Overtaken(f"this node may not write {subject} any more")

    # -- reading -------------------------------------------------------------------------------------------------------

    async def read(self, subject: str) -> Found:
        """All whole values of a subject, as it is now. Raises nats.errors.Error, TimeoutError."""
        found = Found([], await self.last(subject))
        parts: list[bytes] = []
        async for piece in self.pieces(subject, found.last):
            if piece.at == 0:
                parts.clear()
            parts.append(piece.data)
            if len(parts) == piece.of:
                found.values.append(b"".join(parts))
                parts.clear()
        return found

    async def pieces(self, subject: str, last: int) -> AsyncIterator[Piece]:
        """The messages of a subject up to one, in their order. Raises nats.errors.Error, TimeoutError."""
        from nats.errors import Error

        at = failures = 0
        while at < last:
            try:
                async for piece in self._pulled(subject, at, last):
                    at, failures = piece.sequence, 0
                    yield piece
            except (Error, TimeoutError):  # also where the servers have not all heard of the reader yet
                failures += 1
                if failures == FAILURES:
                    raise
                await asyncio.sleep(AGAIN_S)

    async def _pulled(self, subject: str, after: int, last: int) -> AsyncIterator[Piece]:
        """The messages behind one, up to another."""
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        begin: dict[str, Any] = {"deliver_policy": DeliverPolicy.ALL}
        if after:
            begin = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": after + 1}
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60.0, **begin)
        subscription = await self._context.pull_subscribe(subject, stream=self._stream, config=config)
        try:
            while after < last:
                for message in await subscription.fetch(PIECES, PULL_S):
                    after = message.metadata.sequence.stream
                    value, number, count, note = (message.headers or {}).get(MARK, "- 0 1 -").split(" ")
                    yield Piece(value, int(number), int(count), message.data, after, note)
        finally:
            await subscription.unsubscribe()
