"""What a task waits for is told from outside, and what cannot be told is taken to end by itself."""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from pools.awaited import awaited
from pools.gauges import CELLS
from pools.watched import Watched

Way = Callable[[Future[Any], Future[Any]], Awaitable[Any]]


async def seen(way: Way, *, is_watched: bool = False) -> list[int] | None:
    """What is seen of a task that waits for two asks in some way: 1 and 2, None where anything else may end it."""
    loop = asyncio.get_running_loop()
    one, two = loop.create_future(), loop.create_future()

    async def method() -> None:
        await way(one, two)

    coroutine: Any = method()
    if is_watched:
        coroutine = Watched(coroutine, memoryview(bytearray(CELLS * 8)).cast("Q"), 1, 0, time.monotonic_ns)
    task = loop.create_task(coroutine)
    for _ in range(5):
        await asyncio.sleep(0)
    found = awaited(task, {one: 1, two: 2})
    task.cancel()
    await asyncio.wait([task])
    for future in (one, two):
        future.cancel()
    return None if found is None else sorted(found)


async def _deep(future: Future[Any]) -> Any:
    async def inner() -> Any:
        return await future

    return await inner()


async def _group(one: Future[Any], two: Future[Any]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_deep(one))
        group.create_task(_deep(two))


async def _limited(one: Future[Any], _two: Future[Any]) -> None:
    async with asyncio.timeout(60):
        await _deep(one)


async def _unlimited(one: Future[Any], _two: Future[Any]) -> None:
    async with asyncio.timeout(None):
        await one


async def _after_a_limit(one: Future[Any], _two: Future[Any]) -> None:
    async with asyncio.timeout(60) as limit:
        pass
    await one
    assert limit


async def _limited_within(one: Future[Any], two: Future[Any]) -> None:
    await asyncio.gather(_deep(one), _limited(two, two))


async def _generated(one: Future[Any], _two: Future[Any]) -> None:
    async def values() -> AsyncIterator[Any]:
        yield await one

    async for _ in values():
        pass


async def _limited_generator(one: Future[Any], _two: Future[Any]) -> None:
    async def values() -> AsyncIterator[Any]:
        async with asyncio.timeout(60):
            yield await one

    async for _ in values():
        pass


async def _own_task(one: Future[Any], _two: Future[Any]) -> None:
    await asyncio.get_running_loop().create_task(_deep(one))


async def _completing(one: Future[Any], two: Future[Any]) -> None:
    for future in asyncio.as_completed([one, _deep(two)]):
        await future


async def _as_they_end(one: Future[Any], two: Future[Any]) -> None:
    for future in asyncio.as_completed([one, two]):
        await future


async def _completing_in_time(one: Future[Any], two: Future[Any]) -> None:
    for future in asyncio.as_completed([one, two], timeout=60):
        await future


async def _event(_one: Future[Any], _two: Future[Any]) -> None:
    await asyncio.Event().wait()


async def _partly_done(one: Future[Any], _two: Future[Any]) -> None:
    done = asyncio.get_running_loop().create_future()
    done.set_result(1)
    await asyncio.gather(one, done)


@pytest.mark.parametrize("is_watched", [False, True])
@pytest.mark.parametrize(
    ("way", "found"),
    [
        (lambda one, _two: one, [1]),
        (lambda one, _two: _deep(one), [1]),
        (_own_task, [1]),
        (lambda one, two: asyncio.gather(one, two), [1, 2]),
        (lambda one, two: asyncio.gather(_deep(one), asyncio.gather(two)), [1, 2]),
        (_partly_done, [1]),
        (lambda one, two: asyncio.wait([one, two]), [1, 2]),
        (lambda one, two: asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED), [1, 2]),
        (lambda one, _two: asyncio.wait_for(one, None), [1]),
        (lambda one, _two: asyncio.shield(one), [1]),
        (_group, [1, 2]),
        (_generated, [1]),
        (_completing, [1, 2]),
        (_completing_in_time, None),
        (_unlimited, [1]),
        (_after_a_limit, [1]),
        (_limited, None),
        (_limited_within, None),
        (_limited_generator, None),
        (lambda one, two: asyncio.wait([one, two], timeout=60), None),
        (lambda one, _two: asyncio.wait_for(one, 60), None),
        (lambda _one, _two: asyncio.sleep(60), None),
        (lambda one, _two: asyncio.gather(one, asyncio.sleep(60)), None),
        (_event, None),
    ],
)
async def test_a_task_is_seen_to_wait_for(way: Way, found: list[int] | None, is_watched: bool) -> None:
    assert await seen(way, is_watched=is_watched) == found


async def test_a_task_that_is_about_to_go_on_or_to_be_cancelled_waits_for_nothing() -> None:
    loop = asyncio.get_running_loop()
    one = loop.create_future()
    task = loop.create_task(_deep(one))
    assert awaited(task, {one: 1}) is None  # it has not begun
    await asyncio.sleep(0)
    assert awaited(task, {one: 1}) == [1]
    one.set_result(5)
    assert awaited(task, {one: 1}) is None
    assert await task == 5
    assert awaited(task, {one: 1}) is None
    two = loop.create_future()
    other = loop.create_task(_deep(two))
    await asyncio.sleep(0)
    other.cancel()
    assert awaited(other, {two: 2}) is None
    await asyncio.wait([other])


@pytest.mark.parametrize(
    ("way", "is_failed", "found"),
    [
        (lambda one, two: asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED), False, None),
        (lambda one, two: asyncio.wait([one, two], return_when=asyncio.FIRST_EXCEPTION), True, None),
        (lambda one, two: asyncio.wait([one, two], return_when=asyncio.FIRST_EXCEPTION), False, [1]),
        (lambda one, two: asyncio.wait([one, two]), True, [1]),
        (_as_they_end, False, None),
    ],
)
async def test_one_answer_that_was_not_heard_yet_may_be_enough(way: Way, is_failed: bool, found: list[int] | None) -> None:
    loop = asyncio.get_running_loop()
    one, two = loop.create_future(), loop.create_future()
    task = asyncio.ensure_future(way(one, two))
    for _ in range(5):
        await asyncio.sleep(0)
    if is_failed:
        two.set_exception(ValueError())
        two.exception()
    else:
        two.set_result(1)
    assert awaited(task, {one: 1, two: 2}) == found
    one.cancel()
    await asyncio.wait([asyncio.ensure_future(asyncio.gather(task, return_exceptions=True))])


async def test_too_much_to_look_at_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.awaited.MOST", 3)
    assert await seen(lambda one, two: asyncio.gather(_deep(one), _deep(two))) is None
