"""Who may change nothing is told why, and is as it was; what the next process must know stands in the gauges."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from checkpoints.errors import DiskFull, RecordTooLarge, StoreFailed
from pools.agent import Agent
from pools.context import Context
from pools.errors import StoreFull, StoreStopped
from pools.gauges import BUSY_SINCE_NS, CELLS
from pools.log import Log
from pools.refusal import BEGINS_ANEW, FULL, STOPPED, TAKEN, Unwritable, end_anew, refusal_of, state_in, state_of, until_of
from tests.support.kept import House
from tests.support.stores import open_at


class Diary(Agent):
    lines: Log[str]
    tags: list[str]

    def write(self, line: str) -> int:
        self.lines.append(line)
        self.tags.append(line)
        return len(self.lines)

    async def write_later(self, line: str) -> int:
        self.lines.append(line)
        await asyncio.sleep(0)
        self.tags.append(line)
        return len(self.lines)

    def show(self) -> list[Any]:
        return [list(self.lines), self.tags]


DONE: list[str] = []


class Buyer(Agent):
    async def buy(self, what: str, ctx: Context) -> str:
        price = await ctx.step("price", lambda: DONE.append("price") or what)
        return str(await ctx.step("pay", lambda: DONE.append("pay") or price))


def cells() -> memoryview:
    return memoryview(bytearray(CELLS * 8)).cast("Q")


def refusing(before: House) -> House:
    """The process after one that met a full disk."""
    before.kill()
    store = open_at(before.disk, shards=1, is_dry=True)
    return House(before.disk, made=before.residents.kind.made, store=store, refused=refusal_of(FULL, "as told"))


def section(number: int, keys: list[int], method: str, arguments: list[Any] | None = None) -> dict[str, Any]:
    kind = "diary" if method in ("write", "write_later", "show") else "counter"
    return {"n": number, "k": kind, "i": keys, "m": method} | ({"a": arguments} if arguments else {})


def test_light_agents_are_as_they_were_after_a_refused_change_and_reads_are_answered() -> None:
    house = House()
    house.accept(section(1, [1, 2], "add", [5, 6]))
    house.settle()
    assert house.residents.kind.is_light
    house = refusing(house)
    house.accept(section(3, [1], "add", [1]), section(5, [1, 2, 3, 1], "add", [1, 0, 1, 1]), section(7, [1, 2, 3], "get"))
    house.settle()
    assert house.results() == {
        (3, 0): "StoreFull", (5, 0): "StoreFull", (5, 1): 6, (5, 2): "StoreFull", (5, 3): "StoreFull",
        (7, 0): 5, (7, 1): 6, (7, 2): 0,
    }  # fmt: skip
    house.kill()


async def test_agents_with_nested_state_are_as_they_were_after_a_refused_change_and_reads_are_answered() -> None:
    house = House(made=Diary)
    house.accept(section(1, [1], "write", [["one"]]))
    house.settle()
    house = refusing(house)
    for number in (3, 7):
        house.accept(
            section(number, [1, 2], "write", [["two"], ["two"]]), section(number + 2, [1, 2], "write_later", ["x", "y"])
        )
        while len(house.residents.busy):
            await asyncio.sleep(0)
        house.settle()
    house.accept(section(11, [1, 2], "show"))
    house.settle()
    found = house.results()
    assert (found.pop((11, 0)), found.pop((11, 1))) == ([["one"], ["one"]], [[], []])
    assert found == {(number, at): "StoreFull" for number in (3, 5, 7, 9) for at in (0, 1)}
    house.kill()


def test_a_refused_section_that_comes_again_runs_once_when_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    room: list[bool] = []
    monkeypatch.setattr("pools.ledger.has_room", lambda _folder: bool(room))
    monkeypatch.setattr("pools.ledger.FULL_PAUSE_S", 0.001)
    house = refusing(House())
    house.accept(section(1, [1, 2], "add", [5, 6]))
    house.settle()
    assert house.results() == {(1, 0): "StoreFull", (1, 1): "StoreFull"}
    room.append(True)
    house.tell()
    for _ in range(2):
        house.accept(section(1, [1, 2], "add", [5, 6]))
        house.settle()
        assert house.results() == {(1, 0): 5, (1, 1): 6}
        house.kill()
        house = House(house.disk)
    house.kill()


def test_a_change_that_may_not_be_is_told_why_however_often() -> None:
    changes = Unwritable(StoreFull("full"))
    depths = []
    for _ in range(20):
        with pytest.raises(StoreFull, match="full") as caught:
            changes[1] = 5
        depths.append(len(caught.traceback))
    assert not changes
    assert depths[-1] <= depths[1]


@pytest.mark.parametrize(("state", "error"), [(FULL, StoreFull), (STOPPED, StoreStopped)])
def test_a_state_has_an_error_and_the_error_the_state(state: int, error: type[Exception]) -> None:
    refused = refusal_of(state, "there")
    assert type(refused) is error
    assert "there" in str(refused)
    assert state_of(refused) == state
    assert (refusal_of(TAKEN, ""), state_of(None)) == (None, TAKEN)


def test_a_process_that_cannot_go_on_leaves_the_next_one_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    for error, code, state, until in (
        (DiskFull("00000001.log", OSError(28, "full")), BEGINS_ANEW, FULL, None),
        (StoreFailed("00000001.log", "a sync failed"), BEGINS_ANEW, STOPPED, (7, 1_234)),
        (RecordTooLarge("large"), BEGINS_ANEW, TAKEN, None),
        (MemoryError(), 1, TAKEN, None),
    ):
        row = cells()
        row[BUSY_SINCE_NS] = 5
        with pytest.raises(Ended) as caught:
            end_anew(row, error, (7, 1_234))
        assert caught.value.args == (code,)
        assert (state_in(row), until_of(row)) == (state, until)
        assert row[BUSY_SINCE_NS] == (0 if code == BEGINS_ANEW else 5)


async def test_a_task_that_found_no_room_for_its_next_step_keeps_those_that_ended_for_when_it_is_asked_again() -> None:
    DONE.clear()
    task = {"n": 1, "k": "buyer", "i": [1], "m": "buy", "a": ["tea"]}
    begun: list[asyncio.Task[None]] = []
    house = House(made=Buyer, start=lambda coroutine: begun.append(asyncio.ensure_future(coroutine)) or begun[0])
    house.accept(task)
    for _ in range(3):
        await asyncio.sleep(0)
    house.land()
    begun[0].cancel()
    assert DONE == ["price"]
    (steps,) = house.ledger.recall.steps.tasks.values()
    house = refusing(house)
    house.accept(task)
    for _ in range(9):
        await asyncio.sleep(0)
        house.settle()
    assert house.results() == {(1, 0): "StoreFull"}
    assert (list(house.ledger.recall.steps.tasks.values()), DONE) == ([steps], ["price"])
    house.kill()
    house = House(house.disk, made=Buyer)
    house.accept(task)
    for _ in range(9):
        await asyncio.sleep(0)
        house.settle()
    assert (house.results(), DONE) == ({(1, 0): "tea"}, ["price", "pay"])
    assert house.ledger.recall.steps.tasks == {}
    house.close()
