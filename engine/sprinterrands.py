"""Sprints, over a connection: the verb of `Client` about them.

Owns how a backlog reaches an engine in another process, and where its ledgers are read. The connection is the client's.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.paths import find_paths

if TYPE_CHECKING:
    from engine.backlogway import Given

__all__ = ["SprintErrands"]


class SprintErrands(ABC):
    """The part of a client that is about sprints."""

    _name: str
    _environ: Mapping[str, str]

    @abstractmethod
    async def request(self, /, verb: str, **facts: Any) -> Any:
        """Ask for a control verb; returns its value. Raises its error, LinkClosed."""

    async def sprint(
        self,
        backlog: Given,
        *,
        folder: str | Path | None = None,
        sprints: int | None = 1,
        speed: float = 1.0,
        seed: int = 0,
        path: Iterable[str | Path] = (),
        price: Mapping[str, Any] | None = None,
        is_optimized: bool = True,
        is_queued: bool = False,
    ) -> list[dict[str, Any]]:
        """Have the engine work on a backlog; what became of each sprint. As `Engine.sprint`.

        The classes that the backlog uses are loaded first; agents are made by the sprint.  is_queued: wait for the backlog
        where it is being worked on.  Who is cancelled stops nothing: it goes on, or waits on, in the engine.
        """
        from engine.backlogway import given_backlog, handed_over, references_of
        from sprints.archive import Archive

        read, place = await asyncio.to_thread(given_backlog, backlog, folder)
        places = [str(place), *map(str, path)]
        for reference in references_of(read, place):
            await self.request("spawn", kind=reference, count=0, reference=reference, paths=places)
        held = find_paths(self._name, self._environ).sprints
        begun = await self.request(
            "sprint-run",
            file=await asyncio.to_thread(handed_over, held, read),
            folder=str(place),
            sprints=sprints,
            speed=speed,
            seed=seed,
            path=places,
            price=price,
            is_plain=not is_optimized,
            is_queued=is_queued,
        )
        if begun.get("queued"):
            begun = await self.request("sprint-turn", queued=begun["queued"])
        if not begun["sprint"]:
            return []
        await self.request("sprint-wait", sprint=begun["sprint"])
        return await asyncio.to_thread(Archive(str(held)).rows, begun["sprint"])
