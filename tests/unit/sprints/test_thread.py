"""What runs in a thread has ended when whoever waits for it goes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sprints.thread import in_thread


async def test_what_it_returns_and_raises_comes_back() -> None:
    assert await in_thread(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0)


async def test_who_is_cancelled_waits_for_its_end() -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(10)
        ended.set()
        raise OSError("nobody wants to know")

    waiting = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 10)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()
