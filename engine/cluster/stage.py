"""The files that a release is made of, side by side in a folder of their own, whichever node made them.

Owns that folder for the time of one release. A file that lies in the work folder as its receipt says is taken from there, any
other one from the servers; one that they do not have is missing, and the release goes without its item.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.cluster.chest import Chest, NotThere
from sprints.artifact import ArtifactWrong, read_artifact
from sprints.manifest import Entry

__all__ = ["Stage"]

#: Files that are brought from the servers at once.
AT_ONCE = 16


class Stage:
    """The folder. work: the work folder.  folder: made anew for each release."""

    def __init__(self, chest: Chest, loop: asyncio.AbstractEventLoop, work: str, folder: str) -> None:
        self._chest = chest
        self._loop = loop
        self._work = work
        self._folder = Path(folder)

    @contextmanager
    def filled(self, entries: Iterable[Entry]) -> Iterator[str]:
        """The folder with these files, of several with one path the last; in a thread. Raises OSError, nats.errors.Error."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        try:
            work = os.open(self._work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                last = {entry.path: entry for entry in entries}
                missing = [entry for entry in last.values() if not self._is_linked(work, entry)]
            finally:
                os.close(work)
            asyncio.run_coroutine_threadsafe(self._bring(missing), self._loop).result()
            yield str(self._folder)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _is_linked(self, work: int, entry: Entry) -> bool:
        """Have a file that is in the work folder as its receipt says."""
        try:
            if read_artifact(work, entry.path).sha256 != entry.sha256:
                return False
            path = self._folder / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(entry.path, path, src_dir_fd=work, follow_symlinks=False)
        except (ArtifactWrong, OSError):
            return False
        return True

    async def _bring(self, entries: Sequence[Entry]) -> None:
        room = asyncio.Semaphore(AT_ONCE)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

        async def bring(entry: Entry) -> None:
            async with room:
                with suppress(NotThere):
                    await self._chest.get(entry.sha256, folder, entry.path)

        try:
            await asyncio.gather(*map(bring, entries))
        finally:
            os.close(folder)
