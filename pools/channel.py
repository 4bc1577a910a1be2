"""One connection that carries messages.

Owns a stream's bytes in both directions, and the end of the connection. What a message means is its owner's business.
A bad frame ends the connection, never the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from pools.errors import BadFrame
from pools.message import ERROR, Frames, Message, encode

__all__ = ["Channel"]


class Channel(asyncio.Protocol):
    """A connection of frames over any stream transport.

    on_message: called with each message, in order.  on_closed: called once, with the reason or None.
    wall_s: the clock that stamps frames, seconds since 1970.
    """

    def __init__(
        self,
        on_message: Callable[[Channel, Message], None],
        on_closed: Callable[[Channel, Exception | None], None],
        wall_s: Callable[[], float],
    ) -> None:
        self._on_message = on_message
        self._on_closed = on_closed
        self._wall_s = wall_s
        self._frames = Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._fault: Exception | None = None
        #: When half a frame began to wait for its rest, in monotonic seconds; None while none does.
        self.half_since_s: float | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self._counted = 0, 0

    def counted(self) -> tuple[int, int]:
        """The bytes that were received and sent since this was asked last."""
        (came, went), self._counted = self._counted, (self.bytes_in, self.bytes_out)
        return self.bytes_in - came, self.bytes_out - went

    def serve(
        self, on_message: Callable[[Channel, Message], None], on_closed: Callable[[Channel, Exception | None], None]
    ) -> None:
        """Have another owner from now on."""
        self._on_message, self._on_closed = on_message, on_closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is up."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.bytes_in += len(data)
        try:
            messages = self._frames.feed(data)
            for message in messages:
                self._on_message(self, message)
        except BadFrame as error:
            self.fail(error)
            return
        if not self._frames.waiting_bytes:
            self.half_since_s = None
        elif messages or self.half_since_s is None:
            self.half_since_s = monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        self._on_closed(self, self._fault or exc)

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def socket(self) -> Any:
        """The socket beneath."""
        return None if self._transport is None else self._transport.get_extra_info("socket")

    @property
    def buffered_bytes(self) -> int:
        """Bytes that the other side has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, letter: str, data: Any) -> None:
        """Send one message; it is dropped when the connection is closed. Raises FrameTooLarge and TypeError, as `encode`."""
        self.write(self.encoded(letter, data))

    def encoded(self, letter: str, data: Any) -> bytes:
        """A message as the frame that `write` takes. Raises FrameTooLarge and TypeError, as `encode`."""
        return encode(letter, data, int(self._wall_s()))

    def write(self, frame: bytes) -> None:
        """Send a frame; it is dropped when the connection is closed."""
        if self._transport is not None:
            self.bytes_out += len(frame)
            self._transport.write(frame)

    def fail(self, error: Exception) -> None:
        """Tell the other side why, and close."""
        self._fault = error
        if self.is_open:
            self.send(ERROR, {"type": type(error).__name__, "message": str(error)})
        self.close()

    def close(self) -> None:
        """Close once what was sent has gone."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
