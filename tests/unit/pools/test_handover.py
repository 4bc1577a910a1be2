"""A worker that gives way in good order puts its unfinished tasks on record; one that does not answer is not waited for."""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from pathlib import Path
from typing import Any

from pools import handover
from pools.errors import PoolUnavailable
from pools.handover import ask_for_record, put_on_record
from pools.logbook import Checkpoint
from tests.support.kept import ENGINE, House
from tests.support.processes import until
from tests.support.walkers import Walker


class Seat:
    """A worker that answers as told."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def request(self, verb: str, **facts: Any) -> Future[Any]:
        """Answer with a value, an error, or never."""
        self.asked.append((verb, facts))
        if isinstance(self.answer, PoolUnavailable):
            raise self.answer
        future: Future[Any] = asyncio.get_running_loop().create_future()
        if self.answer is not None:
            future.set_result(self.answer)
        return future


async def test_a_worker_is_asked_with_the_reason() -> None:
    seat = Seat(3)
    await ask_for_record(seat, "memory")
    assert seat.asked == [("record", {"reason": "memory"})]


async def test_a_worker_that_is_down_or_silent_holds_up_nobody(monkeypatch: Any) -> None:
    await ask_for_record(Seat(PoolUnavailable("down")), "memory")
    monkeypatch.setattr(handover, "PATIENCE_S", 0.05)
    began_s = time.monotonic()
    await ask_for_record(Seat(None), "memory")
    assert time.monotonic() - began_s < 5


async def test_unfinished_tasks_are_on_record_and_on_the_disk_before_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    house = House(made=Walker)
    arguments = [[str(path)], [str(path)], None]
    house.accept({"n": 1, "k": "walker", "i": [1, 2, 3], "m": [["wait", "count"], [0, 0, 1]], "a": arguments})
    for _ in range(40):
        await asyncio.sleep(0)
        house.settle()
    await until(lambda: path.exists() and len(path.read_text().splitlines()) == 2)
    house.results()
    done = put_on_record(house.kinds, house.logbook, {"reason": "memory"})
    assert not done.done()
    house.settle()
    assert await done == 2
    house.kill()
    again = House(house.disk, made=Walker, session=ENGINE)
    for key in (1, 2):
        first, last = map(Checkpoint.of, again.logbook.waypoints.of("walker", key))
        assert (first.kind, first.state["total"], first.revision) == ("progress", 1, 1)
        assert (last.kind, last.state["total"], last.revision) == ("pre_failover", 2, 1)
        assert (last.partial_result, last.metadata) == ("half", {"reason": "memory", "method": "wait"})
        assert last.task_id == first.task_id
    assert not again.logbook.waypoints.of("walker", 3)
    again.close()


async def test_where_nothing_is_under_way_it_is_said_at_once() -> None:
    house = House(made=Walker)
    assert await put_on_record(house.kinds, house.logbook, {"reason": "memory"}) == 0
    house.close()
