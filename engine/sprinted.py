"""What a person can do with a backlog: the verb of `Engine` about sprints.

Owns its arguments and what it returns. The campaigns are `sprinting`'s, which is loaded when the first one is begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from engine.backlogway import Given
    from engine.host import Host
    from engine.sprinting import Sprinting

__all__ = ["Sprinted"]


class Sprinted:
    """The part of an engine that is about sprints."""

    #: By the folder of their ledgers.
    _sprintings: dict[str, Sprinting] | None = None

    async def sprint(
        self,
        backlog: Given,
        *,
        folder: str | Path | None = None,
        sprints: int | None = 1,
        speed: float = 1.0,
        seed: int = 0,
        archive: str | Path | None = None,
        path: Iterable[str | Path] = (),
        price: Mapping[str, Any] | None = None,
        is_optimized: bool = True,
        is_queued: bool = False,
    ) -> list[dict[str, Any]]:
        """Work on a backlog; what became of each sprint: `sprint` (its record), `impact` (its figures), `next` (what is left).

        backlog: a file, or what stands in one.  folder: from which its own folders are named; that of the file by default.
        sprints: how many at most, None until nothing is left.  speed: so many times as fast as the clock.  archive: where
        ledgers and reports are kept; `sprints` in the folder by default.  path: where checks by `call` are looked for, beside
        the folder.  price: `{"currency": "EUR", "cpu_hour": …, "machine_hour": …}`.  is_optimized: whether a sprint does what
        the one before advises.  is_queued: wait for the backlog where this engine works on it.

        A sprint that was killed goes on with what was asked for then. Who is cancelled leaves it so.  Raises BadBacklog,
        ConfigError, SprintBusy, KindNotLoaded, UnknownKind, LedgerCorrupt, LedgerFailed, CampaignFailed, EngineStopped.
        """
        from engine.backlogway import given_backlog, references_of
        from sprints.settings import Settings

        engine = cast("Host", self)
        read, place = await asyncio.to_thread(given_backlog, backlog, folder)
        places = [str(place), *map(str, path)]
        for reference in references_of(read, place):
            await engine.load(reference, places)
        settings = Settings(
            folder=str(place),
            sprints=sprints,
            speed=speed,
            seed=seed,
            path=tuple(places),
            price=price,
            is_optimized=is_optimized,
            workers=len(engine.swarm.seats),
        )
        sprinting = self.sprinting_in(place / "sprints" if archive is None else Path(archive))
        run = sprinting.resume(read.name) or await sprinting.run(read, settings, is_queued=is_queued)
        try:
            await sprinting.finished(run)
        except asyncio.CancelledError:
            await sprinting.leave(run)
            raise
        return await asyncio.to_thread(sprinting.archive.rows, run.campaign.first)

    @property
    def sprintings(self) -> list[Sprinting]:
        """The sprints of each folder in which this engine had any."""
        return list((self._sprintings or {}).values())

    def sprinting_in(self, place: Path) -> Sprinting:
        """The sprints in a folder."""
        from engine.sprinting import Sprinting

        folder = str(place.resolve())
        known = self._sprintings = {} if self._sprintings is None else self._sprintings
        if folder not in known:
            known[folder] = Sprinting(cast("Host", self), folder)
        return known[folder]
