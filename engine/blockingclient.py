"""The engine's verbs without asyncio: each call waits in its own thread until it has its answer.

Owns the pace of `map` between a thread that reads tasks and takes results, and the loop that sends them. All else is `Client`,
which runs in a loop of its own thread.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial, update_wrapper
from itertools import islice, repeat
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from engine.client import WINDOW, Client
from engine.loopthread import LoopThread
from engine.proxy import Proxy
from pools.errors import LinkClosed
from pools.result import Batch, Result
from pools.spec import FRAME_TASKS
from sprints.listeners import Stepped

__all__ = ["BlockingClient"]

#: Seconds that a source of tasks is read for before what it gave is sent: a slow one holds up nothing that it gave before.
READ_S = 0.002


P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    verb: Callable[Concatenate[Client, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[BlockingClient, P], T]:
    """The same for threads that wait: what one of the client's coroutines returns."""

    def call(self: BlockingClient, /, *arguments: P.args, **named: P.kwargs) -> T:
        client, thread = self._open
        return thread.run(lambda: verb(client, *arguments, **named))

    update_wrapper(call, verb)
    return call


class BlockingClient:
    """A connection to a running engine, for threads that wait: scripts, notebooks, web servers without asyncio.

        with BlockingClient() as engine:
            total = engine.ask("counter/17", "add", 2)

    The arguments are those of `Client`, and so are the verbs, what they return and what they raise. Any number of threads may
    use one at once. It works where a loop runs already, as in a notebook. Ctrl-C ends the call that waits, whose tasks are
    taken back, and leaves the connection as it is. `told` is called in the client's thread, and must not call the client.

    Raises NotRunning where no engine runs: when it is entered, or at `connect`.
    """

    def __init__(
        self,
        name: str = "engine",
        environ: Mapping[str, str] | None = None,
        *,
        patience_s: float | None = None,
        told: Callable[[str], None] | None = None,
        tracing: bool | None = None,
    ) -> None:
        self._make = partial(Client, name, environ, patience_s=patience_s, told=told, tracing=tracing)
        self._name = name
        self._client: Client | None = None
        self._thread: LoopThread | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()

    def connect(self) -> None:
        """Connect; one that is connected stays so. Raises NotRunning, UnsafePath."""
        with self._lock:
            if self._thread is not None:
                return
            thread = LoopThread(f"engine client {self._name}")
            client = self._make()
            try:
                thread.run(client.connect)
            except BaseException:
                thread.close()
                raise
            self._client, self._thread = client, thread
            weakref.finalize(self, _close, client, thread)  # of one that nobody closed, and when the interpreter ends

    def close(self) -> None:
        """End the connection and its thread; calls of other threads that wait raise LinkClosed. A second call does nothing."""
        with self._lock:
            client, thread = self._client, self._thread
            self._client = self._thread = None
        if client is not None and thread is not None:
            _close(client, thread)

    @property
    def _open(self) -> tuple[Client, LoopThread]:
        if self._client is None or self._thread is None:
            raise LinkClosed("not connected to an engine")
        return self._client, self._thread

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def ask(self, address: str, method: str, *arguments: Any, timeout_s: float | None = None, **named: Any) -> Any:
        """Send a task and return its value. As `Engine.ask`, with `kind/*` too."""
        client, thread = self._open

        async def asked() -> Any:
            answer = client.ask(address, method, *arguments, timeout_s=timeout_s, **named)
            try:
                return await answer
            finally:
                if answer.cancelled():
                    client.take_back(answer)

        return thread.run(asked)

    def tell(self, address: str, method: str, *arguments: Any, **named: Any) -> None:
        """Send a task without waiting for its end."""
        client, thread = self._open

        async def told() -> None:
            client.tell(address, method, *arguments, **named)

        thread.run(told)

    def agent(self, kind: str, key: str | int) -> Proxy:
        """An agent whose methods can be called: `engine.agent("counter", 17).add(2)`."""
        return Proxy(self.ask, f"{kind}/{key}")

    def map(self, tasks: Iterable[Any], *, window: int | None = None) -> Iterator[Result]:
        """Run many tasks; results in the order of completion. As `Engine.map`.

        tasks: any iterable; it is read in the caller's thread, no further ahead than `window` tasks.
        Leaving the loop early takes back what is not done, at once where the iterator is closed.
        """
        for batch in self.map_batches(tasks, window=window):
            yield from batch

    def map_batches(self, tasks: Iterable[Any], *, window: int | None = None) -> Generator[Batch, None, None]:
        """The same in batches."""
        client, thread = self._open
        room = WINDOW if window is None else window
        if room < 1:
            raise ValueError(f"window must be 1 or more, got {window}")
        source, is_last = iter(tasks), False
        pump = thread.run(partial(_pump, client, room))
        try:
            while True:
                chunk: list[Any] = []
                if room and not is_last:
                    chunk, is_last = _chunk(source, room)
                    room -= len(chunk)
                batch = thread.run(partial(pump.turn, chunk, is_last=is_last, is_waiting=is_last or not room))
                if batch is None:
                    return
                room += len(batch)
                if batch:
                    yield batch
        finally:
            _end(thread, pump)

    # -- what is asked of the engine itself: as the client's -----------------------------------------------------------

    def subscribe(self, pattern: str = "task-execution:*") -> Iterator[Stepped]:
        """Hear of the steps of flows from now on, in their order. As `Client.subscribe`; each step is waited for."""
        client, thread = self._open
        steps = thread.run(lambda: client.subscribe(pattern))

        async def following() -> Stepped:
            return await anext(steps)

        return (thread.run(following) for _ in repeat(None))

    submit = _blocking(Client.submit)
    result = _blocking(Client.result)
    cancel = _blocking(Client.cancel)
    tasks = _blocking(Client.tasks)
    task = _blocking(Client.task)
    why = _blocking(Client.why)
    requeue = _blocking(Client.requeue)
    drop = _blocking(Client.drop)
    sprint = _blocking(Client.sprint)
    spawn = _blocking(Client.spawn)
    remove = _blocking(Client.remove)
    stats = _blocking(Client.stats)
    overview = _blocking(Client.overview)
    ps = _blocking(Client.ps)
    pools = _blocking(Client.pools)
    agents = _blocking(Client.agents)
    look = _blocking(Client.look)
    export_agents = _blocking(Client.export_agents)
    retain_agents = _blocking(Client.retain_agents)
    present_agents = _blocking(Client.present_agents)
    import_agents = _blocking(Client.import_agents)
    pause = _blocking(Client.pause)
    resume = _blocking(Client.resume)
    quarantine = _blocking(Client.quarantine)
    release = _blocking(Client.release)
    deploy = _blocking(Client.deploy)
    rollback_deploy = _blocking(Client.rollback_deploy)
    confirm_deploy = _blocking(Client.confirm_deploy)
    deploy_status = _blocking(Client.deploy_status)
    past = _blocking(Client.past)
    at = _blocking(Client.at)
    breakers = _blocking(Client.breakers)
    force_breaker = _blocking(Client.force_breaker)
    foresight = _blocking(Client.foresight)
    kinds = _blocking(Client.kinds)
    events = _blocking(Client.events)
    request = _blocking(Client.request)
    ready = _blocking(Client.ready)
    stop = _blocking(Client.stop)


class _Pump:
    """Tasks on their way from the caller's thread into the loop, and results on their way back; used in the loop alone."""

    def __init__(self, client: Client, window: int) -> None:
        self._tasks: deque[Any] = deque()
        self._is_last = False
        self._more = asyncio.Event()
        self._batches = client.map_batches(self._read(), window=window)
        self._next: asyncio.Task[Batch | None] | None = None

    async def _read(self) -> AsyncIterator[Any]:
        while True:
            while self._tasks:
                yield self._tasks.popleft()
            if self._is_last:
                return
            self._more.clear()
            await self._more.wait()

    async def turn(self, chunk: Sequence[Any], *, is_last: bool, is_waiting: bool) -> Batch | None:
        """Take tasks, and give results: None after the last ones; an empty batch where there are none yet, if not waiting."""
        self._tasks.extend(chunk)
        self._is_last = self._is_last or is_last
        self._more.set()
        if self._next is None:
            self._next = asyncio.ensure_future(_after(self._batches))
        if not is_waiting:
            await asyncio.sleep(0)
            if not self._next.done():
                return _NONE_YET
        batch = await asyncio.shield(self._next)
        self._next = None
        return batch

    async def close(self) -> None:
        """Take back what is not done."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        await self._batches.aclose()


_NONE_YET = Batch((), ())


async def _after(batches: AsyncGenerator[Batch, None]) -> Batch | None:
    return await anext(batches, None)


async def _pump(client: Client, window: int) -> _Pump:
    return _Pump(client, window)


def _chunk(source: Iterator[Any], most: int) -> tuple[list[Any], bool]:
    """The next tasks of a source, and whether they are the last; of a slow one few, so that they leave soon."""
    until_s = time.monotonic() + READ_S
    chunk = []
    for task in islice(source, min(most, FRAME_TASKS)):
        chunk.append(task)
        if time.monotonic() > until_s:
            return chunk, False
    return chunk, len(chunk) < min(most, FRAME_TASKS)


def _close(client: Client, thread: LoopThread) -> None:
    """End a connection and its thread; in a process that was forked there is nothing to end."""
    try:
        with suppress(LinkClosed, RuntimeError):  # of the thread itself, where garbage may be collected
            thread.run(client.close)
    finally:
        thread.close()


def _end(thread: LoopThread, pump: _Pump) -> None:
    """Take back what a loop has left, unless the client is closed, which has done so."""
    with suppress(LinkClosed):
        thread.run(pump.close)
