"""When a worker's log is folded into snapshots, and by whom.

Owns the look at the stores each second and one process at a time that does the folding, so that no worker and no loop waits for
it. What folding is, is `checkpoints`' business; killed, it is simply done again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from checkpoints.errors import CheckpointError
from checkpoints.files import Disk
from checkpoints.manifest import read_manifest
from checkpoints.segment import SEGMENT_HEADER_BYTES, name_of, number_of, read_header
from checkpoints.snapshot import name_of_shard
from pools.errors import PoolError
from pools.events import Event
from pools.forkserver import ROOT

__all__ = ["Compactor", "Writer"]

#: Seconds between two looks.
LOOK_S = 1.0
#: Bytes of sealed segments from which folding pays, or as many as the snapshots have, whichever is more.
SEALED_BYTES = 4 * 1024 * 1024
#: Records of sealed segments from which it pays too, where they have half the bytes of the newest snapshots: small ones, which
#: take a taker-over of the log 50 ms to read.
SEALED_RECORDS = 200_000
#: Seconds after which a store that could not be folded is tried again, doubled each time, and the longest.
FIRST_AGAIN_S, AGAIN_S = 1.0, 60.0


class Writer(Protocol):
    """Who writes a store."""

    def request(self, verb: str) -> Awaitable[Any]:
        """Be told `compacted`: there are newer snapshots. Raises PoolError, CheckpointError where they cannot be opened."""
        ...


class Compactor:
    """Folds the stores of an engine. stores: the folder of each and who writes it.  environ, output: as for workers."""

    def __init__(
        self,
        stores: Sequence[tuple[str, Writer]],
        environ: Mapping[str, str],
        output: int | None,
        on_event: Callable[[Event], None],
    ) -> None:
        self._stores = stores
        self._environ = {**environ, "PYTHONPATH": os.pathsep.join(filter(None, (ROOT, environ.get("PYTHONPATH"))))}
        self._output = output
        self._on_event = on_event
        self._not_before_s: dict[str, float] = {}
        self._waits_s: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._process: Process | None = None
        #: How often a store was folded.
        self.count = 0

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Look no more, and end what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            for folder, writer in self._stores:
                if time.monotonic() >= self._not_before_s.get(folder, 0) and _is_due(folder):
                    await self._fold(folder, writer)

    async def _fold(self, folder: str, writer: Writer) -> None:
        words = (sys.executable, "-P", "-m", "checkpoints", folder)
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *words, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, env=self._environ
            )
        except OSError as error:
            self._put_off(folder)
            self._on_event(Event("store.unfolded", f"{folder}: no process could be started: {error}", time.time()))
            return
        _, said = await process.communicate()
        if process.returncode:
            self._put_off(folder)
            reason = said.decode(errors="replace").strip() or f"exit status {process.returncode}"
            self._on_event(Event("store.unfolded", reason, time.time()))
            return
        self._waits_s.pop(folder, None)
        self.count += 1
        try:
            await writer.request("compacted")
        except (PoolError, CheckpointError):
            return  # the writer is away: the next one opens the new snapshots

    def _put_off(self, folder: str) -> None:
        wait_s = self._waits_s.get(folder, min(FIRST_AGAIN_S, AGAIN_S))
        self._waits_s[folder] = min(2 * wait_s, AGAIN_S)
        self._not_before_s[folder] = time.monotonic() + wait_s


def _is_due(folder: str) -> bool:
    """Whether a store has sealed enough that is not folded yet. One that cannot be looked at is left alone."""
    segments: list[tuple[int, int]] = []
    snapshot_bytes = newest_bytes = 0
    try:
        manifests = read_manifest(Disk(), folder)
        newest = {name_of_shard(*snapshot) for snapshot in manifests[0].snapshots.items()} if manifests else set()
        with os.scandir(folder) as entries:
            for entry in entries:
                number = number_of(entry.name)
                if number is not None:
                    segments.append((number, entry.stat().st_size))
                elif entry.name.endswith(".snap"):
                    snapshot_bytes += entry.stat().st_size
                    newest_bytes += entry.stat().st_size if entry.name in newest else 0
        start, covered = (manifests[0].segment, manifests[0].covered) if manifests else (1, 0)
        sealed_bytes = sum(size_bytes for number, size_bytes in sorted(segments)[:-1] if number >= start)
        if sealed_bytes >= max(SEALED_BYTES, snapshot_bytes):
            return True
        return sealed_bytes * 2 > newest_bytes and _first_of(folder, max(segments)[0]) - 1 - covered > SEALED_RECORDS
    except (CheckpointError, OSError):
        return False


def _first_of(folder: str, segment: int) -> int:
    """The number of the record with which a segment begins. Raises CheckpointError, OSError."""
    path = f"{folder}/{name_of(segment)}"
    return read_header(Disk().read(path, 0, SEGMENT_HEADER_BYTES), path).first
