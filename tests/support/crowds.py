"""Ten sprints of a campaign in virtual time: all is as in earnest but the agents, which take their seconds and do nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sprints.archive import Archive
from sprints.backlog import Backlog, read_backlog
from sprints.campaign import Campaign, Hands, Settings
from sprints.chronicle import Chronicle
from sprints.clock import Clock
from sprints.item import Item
from sprints.outcome import Outcome
from tests.support.sprinting import document
from tests.support.virtualtime import VirtualLoop, run_virtually

__all__ = ["World", "sprints_of"]

AGENTS, SPRINTS = 4, 10


@dataclass(frozen=True)
class World:
    """What a backlog is like. times_s: seconds of an item, by role.  items: of each role.  poison: share that always fails."""

    seed: int
    times_s: Mapping[str, float]
    items: int = 300
    poison: float = 0.0

    def row(self) -> dict[str, Any]:
        """The backlog: as many agents and items for each role, and nobody knows how long they take."""
        tasks = [{"id": f"{role}{at}", "role": role} for role in self.times_s for at in range(self.items)]
        Random(self.seed).shuffle(tasks)
        return document(*tasks, roles={role: {"kind": "maker", "agents": AGENTS} for role in self.times_s})

    def ran_s(self, item: Item) -> float:
        """How long it takes, whenever it is tried."""
        return self.times_s[item.role] * Random(f"{self.seed} {item.id}").lognormvariate(0, 0.4)

    def is_poison(self, item: Item) -> bool:
        """Whether it fails, whoever tries it."""
        return Random(f"{self.seed} {item.id} fails").random() < self.poison


class Crowd:
    """The agents of one sprint: so many of each role, each with one item at a time."""

    def __init__(
        self, loop: VirtualLoop, world: World, backlog: Backlog, answered: Callable[[Iterable[Outcome]], None]
    ) -> None:
        self._loop = loop
        self._world = world
        self._answered = answered
        self._free = Counter({name: role.agents for name, role in backlog.roles.items()})
        self._waiting: dict[str, deque[tuple[Item, float]]] = {name: deque() for name in backlog.roles}
        self._gone: set[str] = set()
        self._is_open = True

    async def send(self, items: Sequence[Item], *, is_again: bool) -> None:
        assert not is_again
        for item in items:
            self._waiting[item.role].append((item, self._loop.time()))
        for role in self._waiting:
            self._occupy(role)

    def _occupy(self, role: str) -> None:
        while self._free[role] and self._waiting[role]:
            item, since_s = self._waiting[role].popleft()
            if item.id not in self._gone:
                self._free[role] -= 1
                ran_s = self._world.ran_s(item)
                self._loop.call_later(ran_s, self._end, item, ran_s, self._loop.time() - since_s)

    def _end(self, item: Item, ran_s: float, waited_s: float) -> None:
        if not self._is_open:
            return
        self._free[item.role] += 1
        if item.id not in self._gone:
            facts: dict[str, Any] = {"ran_s": ran_s, "waited_s": waited_s, "effects": {"fields": 1}}
            if self._world.is_poison(item):
                facts |= {"error_type": "ValueError", "error": "no"}
            self._answered([Outcome(item.id, not self._world.is_poison(item), **facts)])
        self._occupy(item.role)

    async def recall(self, items: Sequence[str]) -> None:
        self._gone |= set(items)

    def close(self) -> None:
        self._is_open = False


def sprints_of(world: World, folder: Path, *, is_optimized: bool) -> list[Chronicle]:
    """What ten sprints of it tell; `is_optimized` is all that may differ between two of one world."""
    archive = Archive(str(folder / "sprints"))

    async def work(loop: VirtualLoop) -> None:
        def agents(_sprint: str, backlog: Backlog, answered: Callable[[Iterable[Outcome]], None]) -> Crowd:
            return Crowd(loop, world, backlog, answered)

        async def prepare(_backlog: Backlog) -> None:
            pass

        hands = Hands(agents, prepare, lambda: 0.0, lambda _sprint, _event: None, lambda _sprint, _backlog: False)
        workers = AGENTS * len(world.times_s)
        settings = Settings(str(folder), SPRINTS, seed=world.seed, is_optimized=is_optimized, workers=workers)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sprints.campaign.Clock", partial(Clock, monotonic=loop.time))
            await Campaign(archive, read_backlog(world.row()), settings, hands, lambda: 1_795_219_200.0).run()

    run_virtually(work)
    return [archive.chronicle(sprint) for sprint in archive.ids()]
