"""Each step of an async task is seen in the gauges, also of the tasks that it makes for itself; between steps nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from pools.gauges import BUSY_SINCE_NS, CELLS, POSITION, SECTION, WHO
from pools.watched import Watched, watch_tasks
from tests.support.clocks import Clock

Seen = tuple[int, int, int, bool]


class Setup:
    """Gauges that tasks look at from within."""

    def __init__(self) -> None:
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.clock = Clock(step_ns=1)
        self.seen: list[Seen] = []

    def look(self) -> Seen:
        cells = self.cells
        self.seen.append((cells[SECTION], cells[POSITION], cells[WHO], bool(cells[BUSY_SINCE_NS])))
        return self.seen[-1]

    def watched(self, coroutine: Any, number: int = 3, position: int = 4, who: int = 0, weigh: Any = None) -> Watched:
        return Watched(coroutine, self.cells, number, position, self.clock.ns, weigh, who)

    async def steps(self, count: int) -> str:
        for _ in range(count):
            self.look()
            await asyncio.sleep(0)
        return "done"


async def test_a_step_is_seen_and_the_time_between_steps_is_not() -> None:
    setup = Setup()
    task = asyncio.get_running_loop().create_task(setup.watched(setup.steps(3), who=9))
    between = []
    while not task.done():
        await asyncio.sleep(0)
        between.append(setup.look())
        setup.seen.pop()
    assert setup.seen == [(3, 4, 9, True)] * 3
    assert set(between) == {(0, 0, 0, False)}
    assert await task == "done"


async def test_each_step_begins_at_a_time_of_its_own() -> None:
    setup = Setup()
    times: list[int] = []

    async def note() -> None:
        for _ in range(3):
            times.append(setup.cells[BUSY_SINCE_NS])
            await asyncio.sleep(0)

    await asyncio.get_running_loop().create_task(setup.watched(note()))
    assert len(set(times)) == 3
    assert sorted(times) == times


async def test_a_task_that_begins_within_another_gives_the_gauges_back() -> None:
    setup = Setup()

    async def outer() -> None:
        setup.look()
        with pytest.raises(StopIteration):
            setup.watched(inner(), 7, 8, 9).send(None)
        setup.look()

    async def inner() -> None:
        setup.look()

    await asyncio.get_running_loop().create_task(setup.watched(outer(), 1, 2))
    assert setup.seen == [(1, 2, 0, True), (7, 8, 9, True), (1, 2, 0, True)]


async def test_a_task_that_is_cancelled_or_raises_gives_the_gauges_back() -> None:
    setup = Setup()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            setup.look()
            raise ValueError("as told") from None

    task = asyncio.get_running_loop().create_task(setup.watched(stubborn()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(ValueError, match="as told"):
        await task
    assert setup.seen == [(3, 4, 0, True)]
    assert setup.look() == (0, 0, 0, False)


async def test_each_step_is_weighed_where_somebody_is() -> None:
    setup = Setup()
    charged: list[int] = []

    def weigh() -> Callable[[], None] | None:
        return None if len(charged) >= 2 else lambda: charged.append(len(setup.seen))

    await asyncio.get_running_loop().create_task(setup.watched(setup.steps(4), weigh=weigh))
    assert charged == [1, 2]


async def test_a_coroutine_that_never_began_can_be_closed() -> None:
    setup = Setup()
    setup.watched(setup.steps(1)).close()
    assert setup.seen == []


def in_loop(loop: asyncio.AbstractEventLoop, coroutine: Any) -> Any:
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_what_a_task_makes_for_itself_counts_as_that_task(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    setup = Setup()
    loop = new_loop()
    watch_tasks(loop, setup.cells, setup.clock.ns)

    async def parent() -> list[Any]:
        grown = asyncio.create_task(setup.steps(1), name="mine")
        assert grown.get_name() == "mine"
        return [await grown, *await asyncio.gather(setup.steps(2), asyncio.wait_for(setup.steps(1), 5))]

    assert in_loop(loop, setup.watched(parent(), 5, 6, 7)) == ["done"] * 3
    assert set(setup.seen) == {(5, 6, 7, True)}


def test_a_watched_task_is_not_watched_twice() -> None:
    setup = Setup()
    loop = asyncio.new_event_loop()
    watch_tasks(loop, setup.cells, setup.clock.ns)
    before = setup.clock.now_ns
    in_loop(loop, setup.watched(setup.steps(0)))
    assert setup.clock.now_ns - before == 2, "when its one step began, and when it ended"
