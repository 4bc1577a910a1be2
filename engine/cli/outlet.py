"""Results on their way out, written beside the loop.

Owns the writing thread. What is put in leaves at once when nothing else is being written, and together with everything that
came meanwhile when something is; whoever puts in more than fits waits, so that a slow reader costs no memory.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from threading import Condition, Thread

__all__ = ["Outlet"]

#: Bytes that may wait to be written.
WAITING_BYTES = 1024 * 1024


class Outlet:
    """A descriptor to write to; to be made inside a running loop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._changed = Condition()
        self._is_writing = False
        self._error: OSError | None = None
        self._written = asyncio.Event()
        Thread(target=self._write, name="outlet", daemon=True).start()

    async def put(self, text: bytes | bytearray) -> None:
        """Take bytes; returns when there is room for more. Raises BrokenPipeError, OSError once writing has failed."""
        with self._changed:
            self._waiting += text
            self._changed.notify()
        while len(self._waiting) > WAITING_BYTES and self._error is None:
            await self._wait()
        self._check()

    async def flush(self) -> None:
        """Return when everything was written. Raises as `put`."""
        while (self._waiting or self._is_writing) and self._error is None:
            await self._wait()
        self._check()

    async def _wait(self) -> None:
        self._written.clear()
        if (self._waiting or self._is_writing) and self._error is None:
            await self._written.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        """The thread: write what waits, for as long as the process lives or until it fails."""
        while self._error is None:
            with self._changed:
                self._is_writing = False
                self._tell()
                while not self._waiting:
                    self._changed.wait()
                taken, self._waiting = self._waiting, bytearray()
                self._is_writing = True
            try:
                view = memoryview(taken)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                self._error = error
        self._tell()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, nobody waits
            self._loop.call_soon_threadsafe(self._written.set)
