"""Looks at processes from outside, and waits for what they do without guessing how long it takes."""

from __future__ import annotations

import asyncio
import os
import select
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from engine.engine import Engine
from pools.agent import Agent
from pools.spec import PoolSpec
from tests.support.agents import Asker, Book, Doer, Tally, Waiter

__all__ = ["ALL", "children", "descriptors", "ended_within", "is_alive", "pool", "running", "until", "worker_pids"]

#: The kinds of a usual engine under test.
ALL: tuple[type[Agent], ...] = (Tally, Doer, Book, Waiter, Asker)


def pool(workers: int = 1, **facts: Any) -> PoolSpec:
    """A pool with room for the tests' agents."""
    return PoolSpec("p", **{"agents": 10_000, "workers": workers, "sleep_after_s": None} | facts)


@asynccontextmanager
async def running(
    pools: Sequence[PoolSpec] | None = None, kinds: Sequence[type[Agent] | str] = ALL, **facts: Any
) -> AsyncIterator[Engine]:
    """An engine that is stopped afterwards, whatever happens, and whose loop met no error that nobody handled."""
    unhandled: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: unhandled.append(context))
    async with Engine(kinds=kinds, pools=pools or [pool()], seed=1, **facts) as engine:
        yield engine
    loop.set_exception_handler(None)
    assert unhandled == [], f"the loop met {unhandled}"


def worker_pids(engine: Engine) -> list[int]:
    """The processes of an engine's workers that live."""
    return [seat.pid for seat in engine.swarm.seats if seat.pid is not None]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


def children(pid: int | None = None) -> list[int]:
    """The child processes of a process, this one by default."""
    of = os.getpid() if pid is None else pid
    found = []
    for thread in Path(f"/proc/{of}/task").iterdir():
        with suppress(OSError):
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def descriptors() -> set[str]:
    """What this process has open, by number and target."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(f"{entry.name} {entry.readlink()}")
    return found


def ended_within(pids: Sequence[int], seconds: float) -> bool:
    """Whether processes that need not be our children end in time; waits no longer than it takes."""
    deadline_s = time.monotonic() + seconds
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            ready, _, _ = select.select([descriptor], [], [], max(deadline_s - time.monotonic(), 0))
        finally:
            os.close(descriptor)
        if not ready:
            return False
    return True


async def until(claim: Callable[[], Any], within_s: float = 20.0) -> None:
    """Wait until a claim about this process comes true; it is looked at in every turn of the loop."""
    async with asyncio.timeout(within_s):
        while not claim():
            await asyncio.sleep(0.001)
