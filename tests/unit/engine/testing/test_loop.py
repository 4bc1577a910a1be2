"""A loop by hand: it runs what is due, within another loop too, and never waits."""

from __future__ import annotations

import asyncio
import time

from engine.testing.clock import Clock
from engine.testing.loop import Loop


async def test_it_turns_within_a_loop_that_runs_and_leaves_that_one_as_it_was() -> None:
    outer, clock = asyncio.get_running_loop(), Clock()
    loop = Loop(clock)
    heard: list[object] = []

    async def task() -> None:
        heard.append(asyncio.get_running_loop() is loop)
        await asyncio.sleep(1_000)
        heard.append(clock.now_s)

    running = loop.create_task(task())
    began_s = time.perf_counter()
    loop.turn()
    assert (heard, asyncio.get_running_loop() is outer) == ([True], True)
    next_s = loop.next_s
    assert next_s is not None
    assert not loop.is_due
    clock.now_s += next_s - loop.time()
    assert loop.is_due
    while not running.done():
        loop.turn()
    assert heard == [True, 1_000.0]
    assert time.perf_counter() - began_s < 10
    await asyncio.sleep(0)
    loop.finish()


def test_what_is_left_when_it_finishes_is_cancelled_and_what_ignores_that_is_dropped() -> None:
    loop = Loop(Clock())
    heard: list[str] = []

    async def polite() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            heard.append("polite")

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                heard.append("stubborn")

    left = [loop.create_task(polite()), loop.create_task(stubborn())]
    loop.turn()
    loop.finish()
    assert (heard.count("polite"), heard.count("stubborn") > 1, left[0].cancelled()) == (1, True, True)
    assert loop.is_closed()


def test_what_nobody_caught_is_kept_for_the_test() -> None:
    loop = Loop(Clock())
    loop.call_soon(lambda: 1 / 0)
    loop.turn()
    assert [type(context["exception"]) for context in loop.unhandled] == [ZeroDivisionError]
    loop.finish()
