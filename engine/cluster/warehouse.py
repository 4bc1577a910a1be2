"""The releases of a cluster as the servers keep them: the manifest of each, and what is in it.

Owns that a release which is had from there is the same on every node, and that its content is there before its manifest is.
Which one counts stands in `shipledger`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Coroutine
from typing import Any

from engine.cluster.chest import Chest
from engine.cluster.pieces import Pieces
from engine.cluster.subjects import Subjects
from engine.errors import Unavailable
from sprints.adoption import adopt
from sprints.manifest import MANIFEST, Entry, Manifest
from sprints.release import Draft, Releases

__all__ = ["Warehouse"]

#: Files that are asked for at once, and those that are named of what is not there.
AT_ONCE, NAMED = 64, 3
#: Digits by which a release is known: a folder may have a longer name than a part of a subject.
DIGITS = 32


class Warehouse:
    """The releases of a cluster. wait: has something done in the loop, from a thread."""

    def __init__(
        self, pieces: Pieces, chest: Chest, subjects: Subjects, wait: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> None:
        self._pieces = pieces
        self._chest = chest
        self._subjects = subjects
        self._wait = wait

    # -- from a thread -------------------------------------------------------------------------------------------------

    def keep(self, draft: Draft, manifest: Manifest) -> None:
        """Have the content of a release and its manifest on the servers. Raises Overtaken, StreamFull."""
        for entry in manifest.entries:
            descriptor = os.open(f"{draft.files}/{entry.path}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._wait(self._chest.put(entry.sha256, descriptor, entry.size_bytes))
            finally:
                os.close(descriptor)
        self._wait(self._append(self._subject(manifest.release), manifest.data()))

    def bring(self, release: str, releases: Releases) -> None:
        """Have a release in a folder, as the current one.

        Raises Unavailable where the servers have not all of it, ManifestUnreadable, FolderInUse, OSError.
        """
        data = self._wait(self._data(release))
        if data is None:
            raise Unavailable(f"the servers have no release {release}")

        def fetch(entry: Entry, path: str) -> None:
            folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # noqa: PTH120
            try:
                name = os.path.basename(path)  # noqa: PTH119
                self._wait(self._chest.get(entry.sha256, folder, name))
            finally:
                os.close(folder)

        adopt(releases, data, fetch)

    # -- in the loop ---------------------------------------------------------------------------------------------------

    async def manifest(self, release: str) -> Manifest | None:
        """What a release holds; None where the servers have no such one.

        Raises ManifestUnreadable, nats.errors.Error, TimeoutError.
        """
        data = await self._data(release)
        return None if data is None else Manifest.read(MANIFEST, data)

    async def missing(self, manifest: Manifest) -> list[str]:
        """Some files of a release that the servers have no more; none where it can be had. Raises as `manifest`."""
        room, missing = asyncio.Semaphore(AT_ONCE), list[str]()

        async def look(entry: Entry) -> None:
            async with room:
                if len(missing) < NAMED and not await self._chest.has(entry.sha256):
                    missing.append(entry.path)

        await asyncio.gather(*map(look, manifest.entries))
        return missing

    async def _data(self, release: str) -> bytes | None:
        found = await self._pieces.read(self._subject(release))
        return found.values[-1] if found.values else None

    async def _append(self, subject: str, data: bytes) -> None:
        await self._pieces.append(subject, data, await self._pieces.last(subject))

    def _subject(self, release: str) -> str:
        return self._subjects.build("sprint.release", hashlib.sha256(release.encode()).hexdigest()[:DIGITS])
