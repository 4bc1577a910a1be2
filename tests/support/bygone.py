"""Sprints that have been: really run, with ledgers, reports and releases, by agents that are no engine's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sprints.archive import Archive
from sprints.backlog import Backlog, read_backlog
from sprints.campaign import Campaign, Hands
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.settings import Settings
from tests.support.sprinting import Answers, done

__all__ = ["NOON_S", "kept"]

#: Noon of the 21st of November 2026, by UTC.
NOON_S = 1_795_262_400.0


class _Answered:
    """Takes the place of a runner for agents that only need to answer."""

    def __init__(self, answered: Callable[[Iterable[Outcome]], None]) -> None:
        self.answered = answered


async def _prepare(_backlog: Backlog) -> None:
    """There are enough."""


def kept(folder: Path, *rows: Mapping[str, Any], archive: Path) -> list[str]:
    """Run one sprint of each backlog, one after the other; returns their ids. An item whose id begins with `bad` fails."""

    def deed(item: Item) -> Outcome:
        if item.id.startswith("bad"):
            return Outcome(item.id, False, error_type="ValueError", error="as told")
        for artifact in item.artifacts:
            (folder / "work" / artifact).write_text(item.id)
        return done(item)

    def agents(_sprint: str, _backlog: Backlog, answered: Callable[[Iterable[Outcome]], None]) -> Answers:
        made = Answers(deed)
        made.runner = _Answered(answered)  # type: ignore[assignment]
        return made

    hands = Hands(agents, _prepare, lambda: 0.0, lambda _sprint, _event: None, lambda _sprint, _backlog: False)
    held = Archive(str(archive))
    for row in rows:
        campaign = Campaign(held, read_backlog(row), Settings(str(folder), speed=100.0), hands, lambda: NOON_S)
        asyncio.run(campaign.run())
    return held.ids()
