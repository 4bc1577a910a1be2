"""Many tasks in, results out as they come: what `map` and `map_batches` are, over any way to send tasks.

Owns the reading of the caller's tasks (tuples or task lines) and the pace: no more tasks are read than may be in flight,
and a slow reader of results slows the reading of tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import islice
from sys import getrefcount
from typing import Any

from pools.errors import BadArgument, Failure, PoolError
from pools.lane import Named
from pools.result import Batch, Result
from pools.spec import FRAME_TASKS
from pools.stream import Aside, Stream
from pools.ways import Resolve

__all__ = ["LINE", "Tally", "batches", "singly", "task_of"]

#: Fields of a task line.
LINE = {"id", "agent", "kind", "method", "args"}


class Tally:
    """The six counts of tasks. One writer; read at once, they always add up.

    accepted = done + failed + cancelled + expired + open.
    """

    __slots__ = ("accepted", "cancelled", "done", "expired", "failed")

    def __init__(self) -> None:
        self.accepted = self.done = self.failed = self.cancelled = self.expired = 0

    @property
    def open(self) -> int:
        """Accepted and not ended."""
        return self.accepted - self.done - self.failed - self.cancelled - self.expired

    def accept(self, count: int) -> None:
        """Note tasks that were accepted."""
        self.accepted += count

    def end(self, count: int, failures: Sequence[tuple[int, Failure]]) -> None:
        """Note tasks that ended, and how those failed that did."""
        self.done += count - len(failures)
        for _, failure in failures:
            if failure.type == "TaskCancelled":
                self.cancelled += 1
            elif failure.type == "TaskExpired":
                self.expired += 1
            else:
                self.failed += 1

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {
            "accepted": self.accepted,
            "done": self.done,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "expired": self.expired,
            "open": self.open,
        }


def task_of(line: Any) -> tuple[Any, tuple[Any, ...]]:
    """The id (None when it has none) and the task of a tuple or a task line. Raises BadArgument, naming the field."""
    if type(line) is tuple:
        if len(line) < 2 or type(line[0]) is not str or type(line[1]) is not str:
            raise BadArgument(f"a task is (address, method, *arguments), got {line!r:.80}")
        return None, line
    if type(line) is not dict:
        raise BadArgument(f"a task is a tuple (address, method, *arguments) or an object, got {type(line).__name__}")
    stranger = next((name for name in line if name not in LINE), None)
    if stranger is not None:
        raise BadArgument(f"a task has no field {stranger!r}; it has agent or kind, method, and if wanted id and args")
    address = line.get("agent", line.get("kind"))
    if ("agent" in line) == ("kind" in line) or type(address) is not str:
        raise BadArgument('a task names either its "agent" (kind/key) or its "kind", as text')
    if "kind" in line and "/" in address:
        raise BadArgument(f'"kind" names a kind, not an agent: use "agent": {address!r}')
    if "agent" in line and "/" not in address:
        raise BadArgument(f'"agent" names kind/key, such as {address}/0; to let the engine choose use "kind": {address!r}')
    method = line.get("method")
    if type(method) is not str:
        raise BadArgument('a task names its "method" as text')
    arguments = line.get("args", [])
    if type(arguments) is dict:
        return line.get("id"), (address, method, Named(arguments)) if arguments else (address, method)
    if type(arguments) is not list:
        raise BadArgument('"args" is a list of arguments or an object of them by name')
    return line.get("id"), (address, method, *arguments)


class _Feed:
    """Sends the caller's tasks as they were given."""

    is_done = False

    def __init__(self, stream: Stream, tally: Tally) -> None:
        self._stream = stream
        self._tally = tally
        self._number = 0

    def send(self, chunk: list[Any]) -> None:
        """Send a chunk of tasks as they were given."""
        self._tally.accept(len(chunk))
        if set(map(type, chunk)) != {tuple}:
            self._send_mixed(chunk)
            return
        try:
            self._stream.send(range(self._number, self._number + len(chunk)), chunk)
        except IndexError:
            self._send_mixed(chunk)
        else:
            self._number += len(chunk)

    def _send_mixed(self, chunk: list[Any]) -> None:
        tokens: list[Any] = []
        tasks: list[tuple[Any, ...]] = []
        for line in chunk:
            number = self._number
            self._number += 1
            try:
                name, task = task_of(line)
            except PoolError as error:
                given = line.get("id") if type(line) is dict else None
                self._stream.refuse(number if given is None else given, error)
            else:
                tokens.append(number if name is None else name)
                tasks.append(task)
        self._stream.send(tokens, tasks)


class _Iterated(_Feed):
    """Reads the tasks of a plain iterable as far as there is room."""

    def __init__(self, tasks: Iterable[Any], stream: Stream, tally: Tally) -> None:
        super().__init__(stream, tally)
        self._source = iter(tasks)
        self._least = max(min(FRAME_TASKS, stream.room // 2), 1)

    def fill(self) -> None:
        """Send what fits; no more than one chunk while answers wait to be taken."""
        stream = self._stream
        while not self.is_done and (room := stream.room) >= self._least:
            chunk = list(islice(self._source, min(room, 2 * FRAME_TASKS)))
            if not chunk:
                self.is_done = True
                return
            self.send(chunk)
            if stream.ready:
                return

    async def close(self) -> None:
        """Nothing to end."""


class _Awaited(_Feed):
    """Reads the tasks of an async iterable in a task of its own; those of one turn of the loop share their frames."""

    def __init__(self, tasks: AsyncIterable[Any], stream: Stream, tally: Tally, wake: Callable[[], None]) -> None:
        super().__init__(stream, tally)
        self._chunk: list[Any] = []
        self._space = asyncio.Event()
        self._reader = asyncio.get_running_loop().create_task(self._read(tasks))
        self._reader.add_done_callback(lambda _done: self._finish(wake))

    def _finish(self, wake: Callable[[], None]) -> None:
        self.is_done = True
        wake()

    def fill(self) -> None:
        """Let the reader go on."""
        self._space.set()

    def _flush(self) -> None:
        if self._chunk:
            taken, self._chunk = self._chunk, []
            self.send(taken)

    async def _read(self, tasks: AsyncIterable[Any]) -> None:
        loop = asyncio.get_running_loop()
        async for task in tasks:
            if not self._chunk:
                loop.call_soon(self._flush)
            self._chunk.append(task)
            if len(self._chunk) >= self._stream.room:
                self._flush()
            while self._stream.room <= 0:
                self._space.clear()
                await self._space.wait()
        self._flush()

    async def close(self) -> None:
        """End the reader. Raises what the caller's iterable raised."""
        if not self._reader.done():
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if not self._reader.cancelled():
            self._reader.result()


def _feed(
    tasks: Iterable[Any] | AsyncIterable[Any], stream: Stream, tally: Tally, wake: Callable[[], None]
) -> _Iterated | _Awaited:
    if isinstance(tasks, AsyncIterable):
        return _Awaited(tasks, stream, tally, wake)
    return _Iterated(tasks, stream, tally)


async def batches(
    tasks: Iterable[Any] | AsyncIterable[Any],
    *,
    resolve: Resolve,
    window: int,
    tally: Tally,
    aside: Callable[[Stream], Aside | None] | None = None,
) -> AsyncGenerator[Batch, None]:
    """Results as they come, in batches.

    window: tasks sent or answered and not yet taken, at least 1.  aside: as for a `Stream`.
    Leaving the loop early takes back what is not answered.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] | None = None

    def wake() -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    if window < 1:
        raise ValueError(f"window must be 1 or more, got {window}")
    stream = Stream(resolve, window, wake, tally.end, aside)
    feed = _feed(tasks, stream, tally, wake)
    try:
        while True:
            feed.fill()
            if stream.ready:
                yield stream.take()
            elif stream.open or not feed.is_done:
                waiter = loop.create_future()
                await waiter
            else:
                break
    finally:
        try:
            await feed.close()
        finally:
            await _abandon(stream)


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


async def _abandon(stream: Stream) -> None:
    """Take back what an unfinished loop left behind, and wait until each of its tasks has ended."""
    if stream.open:
        stream.cancel()
    for _ in range(1_000):
        if not stream.open:
            return
        await asyncio.sleep(0.005)
