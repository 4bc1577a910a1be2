"""The release that counts, on the node that drives: it is the current one there, also where somebody else decided that.

Owns that what the record says is followed within a second, and never while something is shipped. What stands in the record is
`shiprecord`'s, how a release comes here is `warehouse`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from checkpoints.errors import CheckpointError
from engine.cluster.records import BadRecord
from engine.cluster.shipping import Dock
from engine.cluster.shiprecord import SETTLED
from engine.errors import EngineError
from sprints.errors import SprintError
from sprints.place import PlaceDisk
from sprints.release import Releases
from sprints.thread import in_thread

__all__ = ["Current"]

#: Seconds between two looks, and after one that came to nothing.
LOOK_S, AGAIN_S = 0.25, 5.0


class Current:
    """What is current in the folders of releases, in one term.

    folder: of the node, from which those are named.  told: hears in a line what became of it.
    """

    def __init__(self, dock: Dock, folder: Path, told: Callable[[str], None]) -> None:
        self._dock = dock
        self._folder = folder
        self._told = told
        self._said = ""
        self._seen = 0
        self._again_s = 0.0

    async def follow(self) -> None:
        """Have what counts current here until cancelled."""
        from nats.errors import Error

        task = asyncio.current_task()
        while task is None or not task.cancelling():  # a wait whose answer came in that moment has swallowed it
            with suppress(Error, TimeoutError):
                await self._look()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        ships, now_s = self._dock.ships, time.monotonic()
        changes = await ships.changes()
        if changes == self._seen or now_s < self._again_s:
            return
        is_all = True
        for folder in await ships.folders():
            try:
                is_all = await in_thread(partial(self._is_followed, folder)) and is_all
            except (EngineError, SprintError, CheckpointError, BadRecord, OSError) as error:
                self._say(f"what counts in {folder} cannot be made current: {error}")
                self._again_s, is_all = now_s + AGAIN_S, False
        if is_all:
            self._seen = changes

    def _say(self, said: str) -> None:
        if said != self._said:
            self._told(said)
        self._said = said

    def _is_followed(self, folder: str) -> bool:
        """Have the release that counts in a folder current here; False while something is shipped."""
        dock = self._dock
        if not dock.at_work.acquire(blocking=False):
            return False
        try:
            with dock.fence.passing(dock.token):
                known, revision = dock.wait(dock.ships.read(folder))
                if known is None or known.state not in SETTLED or not known.current:
                    return True
                releases = Releases(PlaceDisk(), str(self._folder / folder), time.time)
                if releases.current() != known.current:
                    dock.warehouse.bring(known.current, releases)
                    self._told(f"{known.current} is current in {folder} now")
                if not known.node:
                    dock.wait(dock.ships.write(replace(known, token=dock.token, node=dock.node), revision))
            return True
        finally:
            dock.at_work.release()
