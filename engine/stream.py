"""Many tasks in, results out as they come: what `map` and `map_batches` are, over any way to send tasks.

Owns the pace: no more tasks are read than may be in flight, and a slow reader of results slows the reading of tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from sys import getrefcount
from typing import Any

from engine.feed import Awaited, Iterated, feed_of
from engine.places import Places
from engine.tally import Tally
from pools.chute import Aside
from pools.result import Batch, Result
from pools.span import Tracer
from pools.stream import Stream
from pools.tracedstream import TracedStream
from pools.ways import Deal, Resolve

__all__ = ["batches", "singly"]


async def batches(
    tasks: Iterable[Any] | AsyncIterable[Any],
    *,
    resolve: Resolve,
    window: int,
    tally: Tally,
    deal: Deal | None = None,
    aside: Callable[[Stream], Aside | None] | None = None,
    places: Places | None = None,
    traced: Tracer | None = None,
    is_far: bool = False,
) -> AsyncGenerator[Batch, None]:
    """Results as they come, in batches.

    window: tasks sent or answered and not yet taken, at least 1.  deal, aside: as for a `Stream`.  places: as for an `Agenda`.
    traced: begins the spans of tasks, None where nothing is traced.  is_far: whether they wait for their workers elsewhere.
    Leaving the loop early takes back what is not answered.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] | None = None

    def wake() -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    if window < 1:
        raise ValueError(f"window must be 1 or more, got {window}")
    given: Any = resolve, window, wake, tally.end, deal, aside, loop.time
    stream = Stream(*given) if traced is None else TracedStream(*given, tracer=traced, has_queue=not is_far)
    feed = feed_of(tasks, stream, tally, wake, places)
    try:
        while True:
            feed.fill()
            is_going_on = _is_going_on(stream, feed)
            if stream.ready:
                yield stream.take()
            elif is_going_on:
                waiter = loop.create_future()
                await waiter
            else:
                break
    finally:
        try:
            await feed.close()
        finally:
            await _abandon(stream, feed)


async def singly(results: AsyncGenerator[Batch, None]) -> AsyncIterator[Result]:
    """The results of batches one by one.

    To make an object costs more than all else here, so one that nobody kept is used again: two take turns, since the caller
    holds the last one while the next is filled.
    """
    result, other = _new(Result), _new(Result)
    async with aclosing(results):
        async for batch in results:
            if batch.failures:
                for each in batch:
                    yield each
                continue
            for name, value in zip(batch.ids, batch.values, strict=True):
                result, other = other, result
                if getrefcount(result) != UNKEPT:
                    result = _new(Result)
                result.id = name
                result.value = value
                yield result


_new: Any = object.__new__


def _references() -> int:
    """References that are counted for an object which only one local name has."""
    thing = object()
    return getrefcount(thing)


UNKEPT = _references()


def _is_going_on(stream: Stream, feed: Iterated | Awaited) -> bool:
    """Whether more results will come; what can never begin is answered now, and then they do."""
    if stream.open or not feed.is_done:
        return True
    if feed.agenda is None or not feed.agenda.held:
        return False
    if feed.agenda.is_stuck:
        feed.agenda.end()
    return True


async def _abandon(stream: Stream, feed: Iterated | Awaited) -> None:
    """Take back what an unfinished loop left behind, and wait until each of its tasks has ended."""
    if feed.agenda is not None:
        feed.agenda.cancel()
    if stream.open:
        stream.cancel()
    for _ in range(1_000):
        if not stream.open:
            return
        await asyncio.sleep(0.005)
