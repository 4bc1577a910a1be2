"""Faults of what is kept and sent again that were found once; each test failed before its mend."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from checkpoints.failpoint import MOMENTS, failpoint_of
from checkpoints.stamp import stamp
from checkpoints.store import changes_part
from pools import compactor as compactors
from pools.agent import Agent
from pools.counter import Counter
from pools.errors import FrameTooLarge, WorkerDied
from pools.gateway import Gateway
from pools.kind import Kind
from pools.link import Link
from pools.message import encode
from pools.residents import Residents
from tests.support.clocks import Clock, Turns
from tests.support.disks import Fault, SimDisk
from tests.support.kept import Desk, House, Pipe
from tests.support.processes import until
from tests.support.rigs import eager
from tests.support.stores import open_at, set_part
from tests.unit.checkpoints.test_failpoint import moments
from tests.unit.pools.test_compactor import Seat, compactor, store_at


class Narrow(Pipe):
    def send(self, letter: str, data: Any) -> None:
        if len(encode(letter, data, 0)) > 500:
            raise FrameTooLarge("too large for this wire")
        super().send(letter, data)


def kept_link() -> Link:
    clock = Clock()
    return Link(window=100, clock=clock.s, later=clock.later, is_kept=True, wall_s=time.time)


def gateway(link: Link) -> Gateway:
    made = Gateway(lambda kind, key, *_, **__: (link, key), Pipe(), Turns(), lambda _count: None, lambda _count, _failed: None)
    made.session = b"\x07client7".hex()
    return made


def carry(down: Pipe, house: House, link: Link) -> None:
    for message in down.take():
        house.accept(*message.data)
    house.settle()
    for sections in house.replies():
        link.take(sections)


# A: no death is needed
def test_a_clients_tasks_that_do_not_fit_into_one_frame_are_all_done() -> None:
    link, house, down = kept_link(), House(), Narrow()
    link.attach(down)
    gateway(link).accept([{"n": stamp(time.time()), "k": "counter", "i": [*range(10)] * 6, "m": "add", "a": [1] * 60}])
    for _ in range(5):
        carry(down, house, link)
    totals = [house.residents.live[key].total for key in range(10)]
    house.close()
    assert totals == [6] * 10


class Doc(Agent):
    name: str = "none"
    pages: int = 0

    @classmethod
    def migrate(cls, state: dict[str, Any]) -> dict[str, Any]:
        return state | {"name": state.pop("title", state.get("name"))}

    def write(self, name: str) -> None:
        self.name = name


# B
def test_what_was_written_after_a_migration_is_there_after_the_next_start() -> None:
    disk = SimDisk()
    store = open_at(disk, shards=1)
    store.commit([changes_part("doc", [1], [{"title": "old", "pages": 3}])], 1)
    store.close()
    house = House(disk, made=Doc)
    house.accept({"n": 1, "k": "doc", "i": [1], "m": "write", "a": ["new"]})
    house.settle()
    house.close()
    house = House(disk, made=Doc)
    agent: Any = house.residents.wake(1)
    house.close()
    assert (agent.name, agent.pages) == ("new", 3)


class Slow(Agent):
    count: int = 0

    async def add(self) -> int:
        await asyncio.sleep(0)
        self.count += 1
        return self.count

    async def hang(self) -> None:
        await asyncio.get_running_loop().create_future()


# C
async def test_a_client_that_comes_back_while_a_worker_is_away_has_its_task_done_once() -> None:
    link = kept_link()
    link.attach(Pipe())
    first, task = gateway(link), {"n": stamp(time.time()), "k": "slow", "i": [4], "m": "add"}
    first.accept([task])
    link.detach(WorkerDied("gone"), drop_waiting=False)
    first.close()
    gateway(link).accept([task])
    house, down = House(made=Slow), Pipe()
    link.attach(down)
    for _ in range(10):
        carry(down, house, link)
        await asyncio.sleep(0)
    house.settle()
    agent: Any = house.residents.live[4]
    house.close()
    assert agent.count == 1


# D
async def test_one_task_of_a_part_is_taken_back_by_its_place_in_the_whole() -> None:
    house = House(made=Slow)
    house.accept({"n": 1, "k": "slow", "i": [4, 5, 6], "m": "hang", "p": [0, 2, 5]})
    await asyncio.sleep(0)
    house.executor.cancel([1], house.answers, 2)
    await asyncio.sleep(0)
    house.settle()
    got = house.results()
    house.executor.cancel([1], house.answers)
    await asyncio.sleep(0)
    house.close()
    assert got == {(1, 2): "TaskCancelled"}


class Mixed(Agent):
    words: list[Any]

    def write(self) -> int:
        self.words.append(1)
        return len(self.words)

    async def quick(self) -> int:
        self.words.append(2)
        return len(self.words)


# E: from Python 3.12 on
async def test_answers_are_recorded_though_an_async_task_of_their_slice_ended_in_place() -> None:
    house = House(made=Mixed, start=eager)
    house.accept({"n": 1, "k": "mixed", "i": [4, 5], "m": [["write", "quick"], [0, 1]]})
    await asyncio.sleep(0)
    house.settle()
    house.close()
    after = Desk(house.disk)
    known = after.ledger.answers(1)
    after.close()
    assert known == {0: 1, 1: 1}


# F
def test_a_look_for_an_agent_that_is_not_spawned_yet_forgets_nothing_of_it() -> None:
    disk = SimDisk()
    store = open_at(disk, shards=1)
    store.commit([set_part("x", 5)], 1)
    store.close()
    held = Residents(Kind(Counter), owned=frozenset({0}), shards=1)
    held.keep_in(open_at(disk, shards=1))
    assert held.wake("x") is None
    held.add_names(["x"])
    agent: Any = held.wake("x")
    assert agent.total == 5


# G
async def test_a_compactor_whose_process_cannot_be_started_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOOK_S", 0.001), ("SEALED_BYTES", 1_000), ("AGAIN_S", 0.001)):
        monkeypatch.setattr(compactors, name, value)
    real, fails = asyncio.create_subprocess_exec, [BlockingIOError(errno.EAGAIN, "no more processes")]

    async def create(*words: Any, **facts: Any) -> Any:
        if fails:
            raise fails.pop()
        return await real(*words, **facts)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", create)
    store, _ = store_at(tmp_path, 30)
    seat = Seat()
    async with compactor((tmp_path, seat)):
        await until(lambda: seat.told, 3)
    store.close()


# H
def test_a_ledger_is_closed_though_its_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.ledger.FULL_PAUSE_S", 0.001)
    desk = Desk()
    desk.disk.faults.append(Fault(error=errno.ENOSPC, kinds=("write",), path=".log", is_lasting=True))
    desk.ledger.changed(Kind(Counter), {1: 5})
    desk.turns.run()
    desk.gated.gate.release(1_000_000)
    closing = threading.Thread(target=desk.close, daemon=True)
    closing.start()
    closing.join(2)
    is_closed = not closing.is_alive()
    desk.disk.faults.clear()
    closing.join(5)
    assert is_closed


# I
def test_every_moment_that_the_sources_pass_is_named() -> None:
    assert sorted(moments()) == sorted(MOMENTS)


# J
def test_moments_without_a_file_for_the_dead_are_refused() -> None:
    with pytest.raises(ValueError, match="CHECKPOINTS_DEATHS"):
        failpoint_of({"CHECKPOINTS_FAILPOINTS": "commit.written=1"})
