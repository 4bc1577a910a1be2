"""A message and its bytes: the frame.

Owns the wire format (PROTOCOL.md) and nothing else: no socket, no task. A frame is a length, a flags byte and a body of
JSON, compressed where that pays. Decoding checks every length before memory is taken.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import orjson

from pools import values
from pools.errors import BadFrame, FrameTooLarge
from pools.spec import COMPRESS_OVER_BYTES, FRAME_BYTES

__all__ = ["CHECKPOINT", "ERROR", "HEAD", "LETTERS", "RESULT", "STATUS", "TASK", "Frames", "Message", "decode", "encode"]

TASK, RESULT, ERROR, STATUS, CHECKPOINT = LETTERS = ("t", "r", "e", "s", "c")

#: Length of what follows (flags and body) as an unsigned little-endian 32-bit number, then the flags.
HEAD = struct.Struct("<IB")
#: Flag: the body is its uncompressed length (32 bits, little-endian), then an lz4 block.
LZ4 = 1
_SIZE = struct.Struct("<I")


class Message(NamedTuple):
    """One message: what its letter says, and when it was written.

    letter: t task, r result, e error, s status, c checkpoint.  data: JSON.  time_s: whole seconds since 1970.
    """

    letter: str
    data: Any
    time_s: int


def encode(letter: str, data: Any, time_s: int, compress_over_bytes: int = COMPRESS_OVER_BYTES) -> bytes:
    """One frame.

    Raises FrameTooLarge past FRAME_BYTES, TypeError for data that JSON has no form for.
    """
    body = values.dumps({"t": letter, "ts": time_s, "d": data})
    size = len(body)
    if size > FRAME_BYTES:
        raise FrameTooLarge(f"a message of {size:,} bytes, a frame holds {FRAME_BYTES:,}")
    if size > compress_over_bytes:
        import lz4.block  # most processes never meet a frame of this size

        packed: bytes = _SIZE.pack(size) + lz4.block.compress(body, store_size=False)
        if len(packed) < size:
            return HEAD.pack(len(packed) + 1, LZ4) + packed
    return HEAD.pack(size + 1, 0) + body


_message = tuple.__new__


def decode(flags: int, body: bytes | memoryview) -> Message:
    """The message of one frame's flags and body. Raises BadFrame."""
    if flags == LZ4:
        body = _unpacked(body)
    elif flags:
        raise BadFrame(f"flags {flags:#04x} are not known")
    try:
        read = orjson.loads(body)
        message = _message(Message, (read["t"], read["d"], read["ts"]))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadFrame(f"the body is not a message: {error}") from error
    if message.letter not in LETTERS or type(message.time_s) is not int:
        raise BadFrame(f"a message of kind {message.letter!r:.20} at {message.time_s!r:.20}")
    return message


def _unpacked(body: bytes | memoryview) -> bytes:
    if len(body) < _SIZE.size:
        raise BadFrame("a compressed body without its length")
    (size,) = _SIZE.unpack_from(body)
    if size > FRAME_BYTES:
        raise FrameTooLarge(f"a body that unpacks to {size:,} bytes, a frame holds {FRAME_BYTES:,}")
    import lz4.block

    try:
        unpacked: bytes = lz4.block.decompress(bytes(body[_SIZE.size :]), uncompressed_size=size)
    except lz4.block.LZ4BlockError as error:
        raise BadFrame(f"the compressed body is damaged: {error}") from error
    return unpacked


class Frames:
    """Cuts a stream of bytes into messages, however the bytes arrive."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now, in order. Raises BadFrame; the stream is of no use after it."""
        if self._rest:
            data = self._rest + data
        messages: list[Message] = []
        at, end = 0, len(data)
        view = memoryview(data)
        while end - at >= HEAD.size:
            size, flags = HEAD.unpack_from(data, at)
            if not 1 <= size <= FRAME_BYTES + 1:
                raise FrameTooLarge(f"a frame of {size:,} bytes, it may have 1 to {FRAME_BYTES + 1:,}")
            stop = at + 4 + size
            if stop > end:
                break
            messages.append(decode(flags, view[at + 5 : stop]))
            at = stop
        self._rest = data[at:] if at < end else b""
        return messages

    @property
    def waiting_bytes(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._rest)
