"""What is wanted of a sprint is done, as long as it is wanted and not so yet; what cannot be is let be."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from engine.cluster.helm import Helm
from engine.cluster.records import BadRecord
from engine.cluster.wishes import Wish
from sprints.errors import SprintOver
from sprints.queue import Queued
from tests.support.virtualtime import VirtualLoop, run_virtually

ORDER, SPRINT = "q-000000000001", "sp-20261121-001"


class FakeRunner:
    """A sprint that is told things."""

    def __init__(self) -> None:
        self.sprint = SimpleNamespace(is_paused=False)
        self.told: list[str] = []
        self.is_over = False

    async def pause(self) -> None:
        self._tell("pause")
        self.sprint.is_paused = True

    async def resume(self) -> None:
        self._tell("resume")
        self.sprint.is_paused = False

    async def abort(self, why: str) -> None:
        self._tell(f"abort: {why}")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        if self.is_over:
            raise SprintOver(SPRINT, what)


class FakeWishes:
    """Wishes in memory; one that is an error is raised."""

    def __init__(self) -> None:
        self.wishes: dict[str, Any] = {}
        self.asked = 0

    async def newest(self, name: str) -> Any:
        self.asked += 1
        found = self.wishes.get(name)
        if isinstance(found, Exception):
            raise found
        return found

    async def names(self) -> set[str]:
        return set(self.wishes)


class Ship:
    """A helm, and a campaign that it steers."""

    def __init__(self) -> None:
        self.runner = FakeRunner()
        self.wishes = FakeWishes()
        self.ready = asyncio.Event()
        self.ready.set()
        self.campaign: Any = SimpleNamespace(sprint=SPRINT, runner=self.runner, is_ready=self.ready)
        wishes: Any = self.wishes
        self.helm = Helm(wishes)

    async def steered(self, seconds: float = 2.0) -> list[str]:
        """What the runner was told meanwhile."""
        del self.runner.told[:]
        steering = asyncio.ensure_future(self.helm.steer(self.campaign, ORDER))
        await asyncio.sleep(seconds)
        assert not steering.done()
        steering.cancel()
        await asyncio.wait((steering,))
        return self.runner.told


def wish(what: str) -> Wish:
    return Wish(what, 1.0, "enough")


def test_what_is_wanted_is_done_once_and_what_is_so_is_let_be() -> None:
    async def go(_loop: VirtualLoop) -> None:
        ship = Ship()
        assert await ship.steered() == []
        ship.wishes.wishes[SPRINT] = wish("resume")
        assert await ship.steered() == []
        ship.wishes.wishes[SPRINT] = wish("pause")
        assert await ship.steered() == ["pause"]
        assert await ship.steered() == []
        ship.wishes.wishes[SPRINT] = wish("resume")
        assert await ship.steered() == ["resume"]
        ship.wishes.wishes[SPRINT] = wish("abort")
        assert set(await ship.steered()) == {"abort: enough"}
        assert ship.wishes.asked < 200, "it never rests"

    run_virtually(go)


def test_an_order_that_has_its_turn_is_aborted_and_never_paused() -> None:
    async def go(_loop: VirtualLoop) -> None:
        ship = Ship()
        ship.wishes.wishes[ORDER] = wish("pause")
        assert await ship.steered() == []
        ship.wishes.wishes[ORDER] = wish("abort")
        assert set(await ship.steered()) == {"abort: enough"}

    run_virtually(go)


def test_a_sprint_that_is_about_to_begin_is_told_when_it_has() -> None:
    async def go(_loop: VirtualLoop) -> None:
        ship = Ship()
        ship.wishes.wishes[SPRINT] = wish("pause")
        ship.ready.clear()
        assert await ship.steered() == []
        ship.ready.set()
        ship.campaign.runner = None
        assert await ship.steered() == []
        ship.campaign.runner = ship.runner
        assert await ship.steered() == ["pause"]

    run_virtually(go)


def test_servers_that_are_away_a_strange_wish_and_a_sprint_that_ends_stop_nothing() -> None:
    async def go(_loop: VirtualLoop) -> None:
        ship = Ship()
        for error in (TimeoutError("away"), BadRecord("odd")):
            ship.wishes.wishes[SPRINT] = error
            assert await ship.steered() == []
        ship.runner.is_over = True
        ship.wishes.wishes[SPRINT] = wish("abort")
        assert len(await ship.steered()) > 1
        ship.runner.is_over = False
        ship.wishes.wishes[SPRINT] = wish("pause")
        assert await ship.steered() == ["pause"]

    run_virtually(go)


async def test_orders_whose_end_is_wanted_are_found_among_those_that_wait() -> None:
    ship = Ship()
    orders = [Queued(f"q-00000000000{at}", 1.0, {}, {}) for at in range(5)]
    ship.wishes.wishes = {orders[1].id: wish("abort"), orders[2].id: wish("pause"), orders[3].id: BadRecord("odd")}
    assert await ship.helm.unwanted(orders) == [orders[1]]
    assert await ship.helm.unwanted([]) == []
    assert [await ship.helm.is_unwanted(order.id) for order in orders] == [False, True, False, False, False]
