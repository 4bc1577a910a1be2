"""Lines of a file, a pipe or a terminal, read beside the loop.

Owns the reading thread and the cutting into lines. It reads no further ahead than a few chunks, gives a line on as soon as it
is there, and keeps no line in memory that is longer than a frame may be.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from threading import Semaphore, Thread

from pools.spec import FRAME_BYTES

__all__ = ["Intake", "TooLong"]

#: Bytes that one read asks for: large enough that the hand-over from the thread costs nothing beside the work on its lines.
CHUNK_BYTES = 256 * 1024
#: Chunks that are read ahead.
AHEAD = 4


class TooLong:
    """Stands for a line that is longer than a line may be."""


class Intake:
    """The lines of a descriptor; to be made inside a running loop, and iterated once.

    most_bytes: of a line.  `read_bytes` counts what was read so far.
    """

    def __init__(self, descriptor: int, most_bytes: int = FRAME_BYTES) -> None:
        self.read_bytes = 0
        self._descriptor = descriptor
        self.most_bytes = most_bytes
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes | OSError | None] = asyncio.Queue()
        self._credits = Semaphore(AHEAD)
        self._is_closed = False

    def close(self) -> None:
        """Give no more lines than those that were read already out of a chunk; a read that blocks is left behind."""
        self._is_closed = True
        self._credits.release()
        self._chunks.put_nowait(None)

    def _read(self) -> None:
        """The thread: read until the end, the first error or the close."""
        chunk: bytes | OSError = b"-"
        while chunk and not isinstance(chunk, OSError):
            self._credits.acquire()
            if self._is_closed:
                return
            try:
                chunk = os.read(self._descriptor, CHUNK_BYTES)
            except OSError as error:
                chunk = error
            try:
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk or None)
            except RuntimeError:
                return  # the loop has ended, nobody listens

    async def lines(self) -> AsyncIterator[list[bytes | TooLong]]:
        """Lists of lines, without their ends, as they arrive; an empty list is never given. Raises OSError."""
        Thread(target=self._read, name="intake", daemon=True).start()
        rest = b""
        is_skipping = False
        while (chunk := await self._chunks.get()) is not None and not self._is_closed:
            if isinstance(chunk, OSError):
                raise chunk
            self.read_bytes += len(chunk)
            self._credits.release()
            *whole, rest = (rest + chunk).split(b"\n")
            lines: list[bytes | TooLong] = [line if len(line) <= self.most_bytes else TooLong() for line in whole]
            if is_skipping and lines:
                del lines[0]
                is_skipping = False
            if len(rest) > self.most_bytes:
                rest = b""
                if not is_skipping:
                    lines.append(TooLong())
                is_skipping = True
            elif is_skipping:
                rest = b""
            if lines:
                yield lines
        if rest and not self._is_closed:
            yield [rest]
