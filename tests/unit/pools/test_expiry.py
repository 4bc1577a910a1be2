"""Time limits of waits: never early, a timer for all of a tick, nothing left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools.errors import TaskExpired
from pools.expiry import TICK_S, Expiry


class Setup:
    """An expiry, who was late, and the futures. Needs a running loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.late: list[set[Any]] = []
        self.expiry = Expiry(self.loop, self.late.append)

    def limited(self, timeout_s: float) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.loop.create_future()
        self.expiry.limit(future, "counter/1", "add", timeout_s)
        return future


async def test_who_has_no_result_in_time_fails_and_is_told_of() -> None:
    setup = Setup()
    began_s = setup.loop.time()
    future = setup.limited(0.02)
    with pytest.raises(TaskExpired, match=r"counter/1 add: no answer within 0\.02 s"):
        await future
    assert setup.loop.time() - began_s >= 0.02 - 0.001  # a loop may count in milliseconds
    assert setup.late == [{future}]
    assert not setup.expiry


async def test_one_that_is_done_or_ended_is_left_alone() -> None:
    setup = Setup()
    done, ended, cancelled = (setup.limited(0.01) for _ in range(3))
    done.set_result(1)
    cancelled.cancel()
    setup.expiry.end([ended, setup.loop.create_future()])
    assert len(setup.expiry) == 2
    last = setup.limited(0.02)
    with pytest.raises(TaskExpired):
        await last
    assert not ended.done()
    assert setup.late == [{last}]
    assert not setup.expiry


class Standing:
    """A loop whose time stands still."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.handles: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        """Always the same, the beginning of a tick."""
        return 1_000 * TICK_S

    def call_at(self, *call: Any) -> asyncio.TimerHandle:
        """A timer, which is kept."""
        self.handles.append(self._loop.call_at(1e9, *call[1:]))
        return self.handles[-1]


async def test_those_of_one_tick_share_a_timer_which_ends_with_the_last_of_them() -> None:
    setup = Setup()
    loop: Any = Standing(setup.loop)
    setup.expiry = Expiry(loop, setup.late.append)
    futures = [setup.limited(10 * TICK_S + TICK_S * (0.2 + 0.1 * number)) for number in range(5)]
    assert len(loop.handles) == 1
    setup.expiry.end(futures[:4])
    assert not loop.handles[0].cancelled()
    setup.expiry.end(futures[4:])
    assert loop.handles[0].cancelled()
    assert (setup.expiry._timers, setup.expiry._waits, len(setup.expiry)) == ({}, {}, 0)
