"""Whether the disk of a NATS server has room.

Owns the look at it. A server that could not write for want of room is no use any more, also when there is room again: a stream
remembers that a write failed, and of several servers the one that this happened to keeps none from then on. So who watches it
must know that there was too little, and when there is enough.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["ENOUGH_BYTES", "SHORT_BYTES", "Room"]

#: Bytes that are too few for a server to write on; and enough for one to begin.
SHORT_BYTES, ENOUGH_BYTES = 1024 * 1024, 16 * 1024 * 1024
#: What a server says where the system had no room for what it wrote.
SAID = (b"no space left on device", b"disk quota exceeded")
#: Seconds between two looks, and bytes of the log that are read at one.
LOOK_S, LOG_BYTES = 1.0, 64 * 1024


class Room:
    """The room for a server's folder. log: of the server, whose end is listened to from now on."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._read_bytes = self._size()

    async def short(self) -> None:
        """Return once there is too little, or the server has found so."""
        while self._free() >= SHORT_BYTES and not self._is_said():
            await asyncio.sleep(LOOK_S)

    async def enough(self) -> None:
        """Return once there is enough."""
        while self._free() < ENOUGH_BYTES:
            await asyncio.sleep(LOOK_S)

    @property
    def is_enough(self) -> bool:
        """Whether there is enough now."""
        return self._free() >= ENOUGH_BYTES

    def _free(self) -> int:
        facts = os.statvfs(self._folder)
        return facts.f_bavail * facts.f_frsize

    def _size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def _is_said(self) -> bool:
        """Whether the server has said since the last look that it had no room."""
        with suppress(OSError), self._log.open("rb") as log:
            size = self._size()
            log.seek(max(min(self._read_bytes, size), size - LOG_BYTES))
            text = log.read(LOG_BYTES)
            self._read_bytes = size
            return any(words in text for words in SAID)
        return False
