"""The inputs of tasks on a node: in its work folder, as their receipts say, before the task begins.

Owns that what is there already is let be, and that what is brought looks as old as it is: a file that comes here is no work of
a task here. The list of a task's inputs is `inputs`'s, the files are the `chest`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.cluster.chest import Chest, NotThere
from engine.cluster.inputs import LIST_BYTES, Input, list_of, read_list
from engine.errors import Unavailable
from sprints.artifact import ArtifactWrong, open_within, read_artifact

__all__ = ["InputMissing", "Supplies", "Unsupplied"]

#: Files that are brought at once, lists that are kept in memory, and files whose content is known without reading them again.
AT_ONCE, LISTS, KNOWN = 8, 64, 100_000


class InputMissing(Unavailable):
    """What a task builds on is not to be had any more."""


class Unsupplied(Exception):
    """This node cannot take what a task builds on: another one may."""


class Supplies:
    """The supplies of a node. folder: of the node, from which work folders are named.  told: hears in a line what is wrong."""

    def __init__(self, chest: Chest, folder: Path, told: Callable[[str], None]) -> None:
        self._chest = chest
        self._folder = folder
        self._told = told
        self._said = ""
        self._lists: dict[str, tuple[str, tuple[Input, ...]]] = {}
        #: By its path: what a file was when it was read, and its sha256.
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}
        #: What is on the servers, as far as this process has seen.
        self._kept: set[str] = set()

    # -- of who sends --------------------------------------------------------------------------------------------------

    async def keep(self, work: str, inputs: Sequence[Input]) -> str:
        """Have files, and the list of them, on the servers; returns the sha256 of that.

        What the servers have no more comes from the work folder here; what is not there either is let be: the task will say so.

        Raises BadRecord, nats.errors.Error, TimeoutError.
        """
        data = list_of(work, inputs)
        reference = hashlib.sha256(data).hexdigest()
        if reference in self._kept:
            return reference
        for one in inputs:
            await self._keep(work, one)
        memory = os.memfd_create("inputs", os.MFD_CLOEXEC)
        try:
            os.write(memory, data)
            await self._chest.put(reference, memory, len(data))
        finally:
            os.close(memory)
        self._kept.add(reference)
        return reference

    async def _keep(self, work: str, one: Input) -> None:
        if one.sha256 in self._kept:
            return
        if not await self._chest.has(one.sha256):
            descriptor = self._file(work, one.path)
            if descriptor is not None:
                try:
                    with suppress(NotThere):  # it was changed since
                        await self._chest.put(one.sha256, descriptor, one.size_bytes)
                finally:
                    os.close(descriptor)
        self._kept.add(one.sha256)

    def _file(self, work: str, path: str) -> int | None:
        """A descriptor of a file in a work folder; None where there is none."""
        try:
            with self._opened(work) as folder:
                return open_within(folder, path)[0]
        except (ArtifactWrong, OSError):
            return None

    # -- of who does ---------------------------------------------------------------------------------------------------

    async def have(self, reference: str) -> None:
        """Have all files of a list here.

        Raises InputMissing where one is not to be had, Unsupplied where it cannot be written here, BadRecord,
        nats.errors.Error, TimeoutError.
        """
        if reference not in self._lists:
            try:
                self._lists[reference] = read_list(await self._chest.read(reference, LIST_BYTES))
            except NotThere as error:
                raise InputMissing(f"the list of what this task builds on is not to be had: {error}") from error
            if len(self._lists) > LISTS:
                del self._lists[next(iter(self._lists))]
        await self.bring(*self._lists[reference])

    async def bring(self, work: str, inputs: Sequence[Input]) -> None:
        """The same of these files. Raises as `have`."""
        try:
            with self._opened(work) as folder:
                missing = await asyncio.to_thread(self._missing, folder, work, inputs)
                room = asyncio.Semaphore(AT_ONCE)
                found = await asyncio.gather(*(self._get(folder, one, room) for one in missing), return_exceptions=True)
            for error in found:
                if error is not None:
                    raise error
        except TimeoutError:  # of the servers
            raise
        except OSError as error:
            said = f"what a task builds on cannot be written here: {error}"
            if said != self._said:
                self._told(said)
            self._said = said
            raise Unsupplied(said) from error

    async def _get(self, folder: int, one: Input, room: asyncio.Semaphore) -> None:
        async with room:
            try:
                made_ns = int(min(one.made_s, time.time()) * 1e9)
                await self._chest.get(one.sha256, folder, one.path, made_ns)
            except NotThere as error:
                raise InputMissing(f"{one.path}, on which this task builds, is not to be had: {error}") from error

    def _missing(self, folder: int, work: str, inputs: Sequence[Input]) -> list[Input]:
        """Those that are not here as they are to be; in a thread."""
        return [one for one in inputs if self._sha256(folder, f"{work}/{one.path}", one.path) != one.sha256]

    def _sha256(self, folder: int, name: str, path: str) -> str | None:
        """The sha256 of a file here; None where there is none."""
        try:
            descriptor, facts = open_within(folder, path)
            os.close(descriptor)
            seen = facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
            known = self._known.get(name)
            if known is None or known[0] != seen:
                known = self._known[name] = seen, read_artifact(folder, path).sha256
                if len(self._known) > KNOWN:
                    self._known.clear()
        except ArtifactWrong:
            return None
        return known[1]

    @contextmanager
    def _opened(self, work: str) -> Iterator[int]:
        place = self._folder / work
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
