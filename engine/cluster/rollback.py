"""The release before, made the one that counts again: decided on any node, followed by whoever drives.

Owns what may be gone back to, and that nothing is while it is shipped: the record of the folder is changed only as it was
looked at, so that a leader who ships from then on knows it, and one who had begun ships no more. That it is current on the node
that drives is `current`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from checkpoints.errors import CheckpointError
from engine.cluster.logbook import Logbook
from engine.cluster.pieces import Overtaken
from engine.cluster.shipledger import ShipLedger
from engine.cluster.shiprecord import SETTLED, ShipRecord
from engine.cluster.warehouse import Warehouse
from pools.errors import BadArgument
from sprints.backlog import read_backlog
from sprints.campaign import RELEASES
from sprints.errors import ManifestUnreadable, RollbackRefused, SprintError
from sprints.ledger import Line, open_ledger
from sprints.manifest import Manifest
from sprints.thread import in_thread

__all__ = ["Rollback"]

#: Seconds until it is said that no node has it as its current one yet, and between two looks.
FOLLOW_S, LOOK_S = 20.0, 0.1


class Way(NamedTuple):
    """What a rollback does. record, revision: as they were looked at.  to: what is to count again."""

    sprint: str
    record: ShipRecord
    revision: int
    to: Manifest


class Rollback:
    """The rollbacks of a desk. follow_s: how long it is waited for who drives."""

    def __init__(self, logbook: Logbook, ships: ShipLedger, warehouse: Warehouse, follow_s: float = FOLLOW_S) -> None:
        self._logbook = logbook
        self._ships = ships
        self._warehouse = warehouse
        self._follow_s = follow_s

    async def look(self, named: str) -> dict[str, Any]:
        """What would be done for a sprint, for the newest that shipped where none is named: what `go` takes.

        Raises UnknownSprint, BadArgument, RollbackRefused; nats.errors.Error, TimeoutError.
        """
        await self._logbook.read()
        way = await self._way(named)
        facts = {"id": way.sprint, "folder": way.record.folder, "revision": way.revision}
        return {**facts, "from": way.record.counts, "to": way.to.release, "is_named": bool(named)}

    async def go(self, looked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what was looked at, once however often it is asked for.

        Returns the sprint's `id`, the releases `from` and `to`, their folder (`releases`), the `seconds` it took until the
        `node` that drives had it as its current one, which is None where none does yet, and what is `not_noted` in a ledger.

        Raises as `look`; RollbackRefused where something was changed since.
        """
        before, now = str(looked.get("from")), str(looked.get("to"))
        known, _ = await self._ships.read(str(looked.get("folder")))
        not_noted: list[str] = []
        began_s = time.monotonic()
        if not _is_back_at(known, now):  # else a try before has done it
            await self._logbook.read()
            way = await self._way(str(looked.get("id")) if looked.get("is_named") else "")
            if (way.revision, way.record.counts, way.to.release) != (looked.get("revision"), before, now):
                raise RollbackRefused("what counts was changed since it was looked at: look, and ask again")
            back = way.record.going_back(now, _sprint_of(now), way.to.sha256)
            began_s = time.monotonic()
            try:
                await self._ships.write(back, way.revision)
            except Overtaken as error:
                raise RollbackRefused("what counts was changed by somebody else at this moment: ask again") from error
        node = await self._followed(str(looked.get("folder")), now)
        seconds = round(time.monotonic() - began_s, 6)
        for one in dict.fromkeys((_sprint_of(before), _sprint_of(now))):
            wrong = await in_thread(lambda one=one: self._noted(one, before, now))  # type: ignore[misc]
            not_noted += [wrong] if wrong else []
        facts = {"id": looked.get("id"), "from": before, "to": now, "releases": looked.get("folder")}
        return {**facts, "seconds": seconds, "node": node, "not_noted": not_noted}

    # -- what may be ---------------------------------------------------------------------------------------------------

    async def _way(self, named: str) -> Way:
        sprint = named or self._newest()
        folder, release = self._shipped(sprint)
        record, revision = await self._ships.read(folder)
        if record is None or not record.counts:
            raise RollbackRefused(f"{folder} has no release yet")
        await self._check_idle(record)
        for one in (sprint, _sprint_of(record.counts)):
            if one in self._logbook.archive.ids() and await self._logbook.runs(self._logbook.told(one)):
                said = f"{one} still runs, and may ship: abort it first, with: engine cluster sprint abort {one}"
                raise RollbackRefused(said)
        is_to_it = bool(named) and record.counts != release
        return Way(sprint, record, revision, await self._target(record.counts, release if is_to_it else None))

    def _newest(self) -> str:
        """The newest sprint that shipped. Raises BadArgument."""
        for sprint in reversed(self._logbook.archive.ids()):
            if self._logbook.told(sprint).releases:
                return sprint
        raise BadArgument("no sprint has shipped yet, so there is nothing to take back")

    def _shipped(self, sprint: str) -> tuple[str, str]:
        """The folder of releases, as its backlog names it, and the last release of a sprint.

        Raises BadArgument, UnknownSprint.
        """
        told = self._logbook.told(sprint)
        if not told.releases:
            raise BadArgument(f"{sprint} has shipped nothing")
        backlog = read_backlog(self._logbook.archive.backlog(sprint))
        return backlog.ship.releases or RELEASES, told.releases[-1][0]

    async def _check_idle(self, record: ShipRecord) -> None:
        """Raises RollbackRefused while something is shipped into the folder, or may have been."""
        if record.state in SETTLED or record.state == "failed":
            return
        sprint = record.sprint
        if sprint in self._logbook.archive.ids() and await self._logbook.runs(self._logbook.told(sprint)):
            at = f" in the hook {record.hook!r}" if record.state == "hook" else ""
            abort = f"engine cluster sprint abort {sprint}"
            raise RollbackRefused(f"{sprint} ships on {record.node} now{at}: wait, or abort it first, with: {abort}")
        if record.state == "hook":
            said = f"whether the hook {record.hook!r} of {sprint} has shipped is not known"
            raise RollbackRefused(f"{said}; look there, then: engine cluster sprint settle {sprint}")

    async def _target(self, current: str, to: str | None) -> Manifest:
        """The release to go back to, of which the servers have everything. Raises RollbackRefused."""
        if to is None:
            manifest = await self._manifest(current)
            to = None if manifest is None else manifest.before
            if manifest is None:
                raise RollbackRefused(f"what was before {current} is not known, name a sprint")
            if to is None:
                raise RollbackRefused(f"{current} is the first release, there is none before it")
        target = await self._manifest(to)
        if target is None:
            raise RollbackRefused(f"the servers have no release {to!r}")
        if missing := await self._warehouse.missing(target):
            raise RollbackRefused(f"{to} is not whole: the servers have {', '.join(missing)} no more")
        return target

    async def _manifest(self, release: str) -> Manifest | None:
        try:
            return await self._warehouse.manifest(release)
        except ManifestUnreadable as error:
            raise RollbackRefused(f"{release} is not whole: {error}") from error

    # -- what follows --------------------------------------------------------------------------------------------------

    async def _followed(self, folder: str, release: str) -> str | None:
        """The node that drives, once the release is current there; None where that is not so yet, or somebody ships again."""
        until_s = time.monotonic() + self._follow_s
        while time.monotonic() < until_s:
            record, _ = await self._ships.read(folder)
            if record is None or not _is_back_at(record, release):
                return None
            if record.node:
                return record.node
            await asyncio.sleep(LOOK_S)
        return None

    def _noted(self, sprint: str, before: str, now: str) -> str | None:
        """Have it in the ledger of a sprint, in a thread; returns why it is not. It is done, whatever becomes of that."""
        archive = self._logbook.archive
        try:
            told = archive.chronicle(sprint)
            if told.rolled_back == now or not told.is_over:
                return None if told.is_over else f"the ledger of {sprint} does not tell of it: it still runs"
            lines: list[Line] = []
            ledger = open_ledger(archive.files, archive.path(sprint), sprint, time.time, lines.append)
            try:
                ledger.add("rolled_back", lines[-1].facts["s"], **{"from": before, "to": now})
                ledger.sync()
            finally:
                ledger.close()
        except (SprintError, CheckpointError, OSError) as error:
            return f"the ledger of {sprint} does not tell of it: {error}"
        return None


def _is_back_at(record: ShipRecord | None, release: str) -> bool:
    return record is not None and record.state == "back" and record.current == release


def _sprint_of(release: str) -> str:
    return release.partition("-")[2]
