"""Every loop is a desk."""

from __future__ import annotations

import asyncio

from engine.desk import Desk


async def test_a_loop_calls_what_a_desk_is_given() -> None:
    desk: Desk = asyncio.get_running_loop()
    called = asyncio.Event()
    desk.call_soon(called.set)
    await asyncio.wait_for(called.wait(), 5)
