"""Results on their way out, written beside the loop.

Owns the writing thread. What is put in leaves at once when nothing else is being written, and together with everything that
came meanwhile when something is; whoever puts in more than fits waits, so that a slow reader costs no memory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from threading import Condition, Thread
from typing import Any

from engine.cli.listing import Listing

__all__ = ["Outlet"]

#: Bytes that may wait to be written.
WAITING_BYTES = 1024 * 1024


class Outlet:
    """A descriptor to write rows to; to be made inside a running loop. listing: their form, if it is not a line each."""

    def __init__(self, descriptor: int, listing: Listing | None = None) -> None:
        self._descriptor = descriptor
        self._listing = listing
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._changed = Condition()
        self._is_writing = False
        self._error: OSError | None = None
        self._written = asyncio.Event()
        Thread(target=self._write, name="outlet", daemon=True).start()

    async def put(self, rows: bytes | bytearray) -> None:
        """Take rows, each a line of JSON; returns when there is room for more.

        Raises BrokenPipeError, OSError once writing has failed.
        """
        await self._put(rows if self._listing is None else self._listing.part(rows))

    async def finish(self, facts: Mapping[str, Any]) -> None:
        """Write what stands behind the last row; returns when everything was written. facts: as `Listing`.  Raises as `put`."""
        if self._listing is not None:
            await self._put(self._listing.end(facts))
        await self.flush()

    async def _put(self, text: bytes | bytearray) -> None:
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
