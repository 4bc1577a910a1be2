"""A term: which orders are worked on, and that it rests between two looks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from checkpoints.files import Disk
from engine.cluster import term as module
from engine.cluster.term import Term
from sprints.queue import Queued
from tests.support.virtualtime import VirtualLoop, run_virtually

ROLES = {"maker": {"kind": "maker", "agents": 1}}


def order(id: str, name: str, *, is_right: bool = True) -> Queued:
    tasks = [{"id": "a", "role": "maker", "method": "make"}]
    row = {"schema": "engine.backlog/v1", "name": name, "roles": ROLES, "tasks": tasks} if is_right else {"name": name}
    return Queued(id, float(id[-1]), row, {"folder": "."})


class FakeOrders:
    """Orders in memory; how each ended."""

    def __init__(self, *orders: Queued) -> None:
        self._open = list(orders)
        self.looks = 0
        self.ended: dict[str, str] = {}

    async def open_ones(self) -> list[Queued]:
        self.looks += 1
        return [order for order in self._open if order.id not in self.ended]

    async def end(self, id: str, error: BaseException | None) -> None:
        self.ended[id] = "" if error is None else type(error).__name__


class FakeHelm:
    """Nobody steers; the end of some orders is wanted."""

    def __init__(self, *unwanted: str) -> None:
        self.unwanted_ids = unwanted

    async def unwanted(self, orders: list[Queued]) -> list[Queued]:
        return [order for order in orders if order.id in self.unwanted_ids]

    async def is_unwanted(self, order: str) -> bool:
        return order in self.unwanted_ids

    async def steer(self, _campaign: Any, _order: str) -> None:
        await asyncio.Event().wait()


class FakeCampaign:
    """A campaign that takes its time."""

    begun: ClassVar[list[str]] = []

    def __init__(self, _archive: Any, backlog: Any, settings: Any, _hands: Any) -> None:
        self.name = backlog.name

    async def run(self, *, is_going_on: bool) -> None:
        assert not is_going_on
        self.begun.append(self.name)
        await asyncio.sleep(10)


class FakeReplica(Disk):
    """A disk that is as the servers have it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def restore(self) -> None:
        pass


class FakeCurrent:
    """Nothing counts."""

    def __init__(self, *_: Any) -> None:
        pass

    async def follow(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _at_sea(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Campaign", FakeCampaign)
    monkeypatch.setattr(module, "Current", FakeCurrent)
    monkeypatch.setattr(FakeCampaign, "begun", [])


def driven(folder: Path, orders: FakeOrders, helm: FakeHelm, seconds: float) -> None:
    """Drive for so long."""

    async def go(_loop: VirtualLoop) -> None:
        replica: Any = FakeReplica(folder)
        dock: Any = SimpleNamespace(at_work=Lock())
        fakes: Any = orders, helm
        term = Term(SimpleNamespace(), dock, replica, *fakes, folder, lambda _line: None)  # type: ignore[arg-type]
        running = asyncio.ensure_future(term.run())
        await asyncio.sleep(seconds)
        assert not running.done()
        running.cancel()
        await asyncio.wait((running,))

    run_virtually(go)


def test_it_rests_between_two_looks_also_when_all_is_done(tmp_path: Path) -> None:
    orders = FakeOrders(order("q-1", "app", is_right=False))
    driven(tmp_path, orders, FakeHelm(), 20)
    assert orders.ended == {"q-1": "BadBacklog"}
    assert orders.looks <= 20 / module.LOOK_S + 1


def test_a_backlog_has_one_campaign_at_a_time_and_who_is_unwanted_has_no_turn(tmp_path: Path) -> None:
    orders = FakeOrders(*(order(f"q-{at}", "app") for at in range(1, 5)), order("q-5", "other"), order("q-6", "third"))
    driven(tmp_path, orders, FakeHelm("q-3", "q-6"), 5)
    assert sorted(FakeCampaign.begun) == ["app", "other"]  # they begin beside each other
    assert orders.ended == {"q-3": "TakenOut", "q-6": "TakenOut"}
    driven(tmp_path, orders, FakeHelm(), 25)
    assert orders.ended == {"q-3": "TakenOut", "q-6": "TakenOut", "q-1": "", "q-2": "", "q-5": ""}
