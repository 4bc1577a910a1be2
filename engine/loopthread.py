"""An event loop in a thread of its own, for callers who have none, or one that must not wait.

Owns the thread until it is closed, and the way of a coroutine into it and of its outcome back. What runs in it is its owner's
business.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from pools.errors import LinkClosed

__all__ = ["LoopThread"]

#: Seconds that tasks get to end once they are taken back, when the loop closes.
END_S = 10.0

Outcome = TypeVar("Outcome")


class LoopThread:
    """A loop that runs until `close`. name: of its thread. The thread keeps no interpreter from ending."""

    def __init__(self, name: str) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._is_closed = False
        self._lock = threading.RLock()  # what is collected as garbage may close its loop within another call
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def run(self, begin: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
        """What a coroutine returns, which runs in the loop while the caller's thread waits. Raises what it raises.

        begin: makes the coroutine, in the loop.  An interruption of the caller, such as Ctrl-C, cancels it.
        Raises LinkClosed once the loop is closed, and in a process that was forked; RuntimeError within the loop itself.
        """
        future: Future[Outcome] = Future()
        running: list[asyncio.Task[None]] = []

        async def settle() -> None:
            try:
                value = await begin()
            except BaseException as error:  # noqa: BLE001 - the loop's edge: the caller's thread raises it
                future.set_exception(CancelledError() if isinstance(error, asyncio.CancelledError) else error)
            else:
                future.set_result(value)

        try:
            self._post(lambda: running.append(self._loop.create_task(settle())))
            return future.result()
        except CancelledError as error:
            raise LinkClosed("the client was closed while this waited") from error
        except LinkClosed:
            raise
        except BaseException:
            if not future.done():
                self._post_if_open(lambda: [task.cancel() for task in running])
            raise

    def _post(self, function: Callable[[], object]) -> None:
        if os.getpid() != self._pid:
            raise LinkClosed("this client was made before a fork, in another process; make one here")
        if threading.current_thread() is self._thread:
            raise RuntimeError("a blocking call within the client's own loop would wait for ever; use Client there")
        with self._lock:
            if self._is_closed:
                raise LinkClosed("the client is closed")
            self._loop.call_soon_threadsafe(function)

    def _post_if_open(self, function: Callable[[], object]) -> None:
        with self._lock:
            if not self._is_closed:
                self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        """Cancel what runs in the loop, wait for its end, and end the thread. A second call does nothing."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._end()))
        if threading.current_thread() is not self._thread:
            self._thread.join()

    async def _end(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=END_S)
        await self._loop.shutdown_asyncgens()
        self._loop.stop()
