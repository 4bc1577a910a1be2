"""Length-prefixed orjson frames over a stream socket: the wire of the two yardsticks. It cuts the byte stream into whole
frames and hands each decoded value on; it knows nothing of agents, tasks or the engine's own wire. Above: `yardstick`."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Frames", "frame_bytes"]

#: 4 bytes before each body: its size in bytes, little-endian.
LENGTH = struct.Struct("<I")


def frame_bytes(value: Any) -> bytes:
    """One frame: the size, then the orjson text."""
    body = orjson.dumps(value)
    return LENGTH.pack(len(body)) + body


class Frames(asyncio.Protocol):
    """A connection that calls `on_frame(frames, value)` for each whole frame and `on_lost()` once at its end."""

    __slots__ = ("_on_frame", "_on_lost", "_rest", "_transport")

    def __init__(self, on_frame: Callable[[Frames, Any], None], on_lost: Callable[[], object]) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport without being one.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        start, end = 0, len(data)
        while end - start >= LENGTH.size:
            body = start + LENGTH.size
            stop = body + LENGTH.unpack_from(data, start)[0]
            if stop > end:
                break
            self._on_frame(self, orjson.loads(memoryview(data)[body:stop]))
            start = stop
        self._rest = data[start:] if start < end else b""

    @property
    def is_open(self) -> bool:
        """Whether the other side is still there."""
        return self._transport is not None

    def send(self, value: Any) -> None:
        """Write one frame; nothing happens when the other side is already gone."""
        if self._transport is not None:
            self._transport.write(frame_bytes(value))

    def close(self) -> None:
        """Close the connection after what was written has left."""
        if self._transport is not None:
            self._transport.close()
