"""A thread that is held writes nothing until it may go on, and says where it was."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from pools import pause as module
from pools.pause import Pause
from tests.support.processes import until


async def test_what_comes_meanwhile_waits(monkeypatch: Any) -> None:
    log: Any = SimpleNamespace(segment=3, segment_bytes=72)
    thread = ThreadPoolExecutor(1)
    done: list[int] = []
    pause = Pause(thread, log)
    thread.submit(done.append, 1)
    assert await pause.hold() == [3, 72]
    assert done == [1]
    late = thread.submit(done.append, 2)
    await asyncio.sleep(0.05)
    assert done == [1]
    pause.go_on()
    await until(late.done)
    assert done == [1, 2]
    thread.shutdown()


async def test_who_is_forgotten_goes_on_by_itself(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_S", 0.02)
    log: Any = SimpleNamespace(segment=1, segment_bytes=0)
    thread = ThreadPoolExecutor(1)
    await Pause(thread, log).hold()
    late = thread.submit(int)
    await until(late.done)
    thread.shutdown()
