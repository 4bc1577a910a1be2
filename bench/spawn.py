"""`spawn`: from exec of the command line, with the pools file that is shipped, until each of 5,000 agents has answered one
ping. The yardstick does the same from exec of its client: start its workers, make 5,000 agents, ping each."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import uvloop

from bench.figures import Metric, Reading
from bench.tasks import AGENTS, once_each
from bench.workload import Size, Workload
from bench.yardlink import ROOT
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD"]


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: the yardstick from cold, then the engine; each has ended before the other begins."""
    count = size.pick(AGENTS, 500)
    for _ in range(size.runs):
        limit = await asyncio.to_thread(_yardstick_s, count)
        commanded, answered = await _engine_s(count)
        yield {"pinged": Reading(answered, limit, count), "command": Reading(commanded, limit, count)}


def _yardstick_s(count: int) -> float:
    """Seconds from exec of a client until it says that each agent has answered."""
    start = time.perf_counter()
    argv = [sys.executable, "-m", "bench.spawn", str(count)]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        said = client.stdout.readline()
        seconds = time.perf_counter() - start
    if client.returncode or not said:
        raise OSError(f"{' '.join(argv)} ended with {client.returncode}")
    return seconds


async def _engine_s(count: int) -> tuple[float, float]:
    """Seconds from exec until the command has returned, and until each agent has answered."""
    from bench.daemon import NAME, own_daemon
    from engine import Client

    tasks = [(f"counter/{number}", "ping") for number in range(count)]
    with own_daemon() as daemon:
        start = time.perf_counter()
        daemon.spawn(count)
        commanded = time.perf_counter() - start
        answered: set[int] = set()
        async with Client(name=NAME, environ=daemon.environ) as client:
            async for results in client.map_batches(tasks):
                answered.update(result.id for result in results if result.ok)
            seconds = time.perf_counter() - start
        if len(answered) != count:
            raise ValueError(f"{len(answered)} of {count} agents answered")
    return commanded, seconds


async def _ping_each(count: int) -> None:
    async with Yardstick("raw", count) as raw:
        await raw.run(Yardstick.share(once_each(0, count)))
        print("answered", flush=True)


WORKLOAD = Workload(
    name="spawn",
    about="from exec of the command line to the last answer",
    metrics=(
        Metric("pinged", "s", "exec until each agent has answered one ping", reach="≤ 0.4 s, then 0.2"),
        Metric("command", "s", "exec until `engine spawn` has returned"),
    ),
    rounds=rounds,
    runs=7,
)

if __name__ == "__main__":
    uvloop.run(_ping_each(int(sys.argv[1])))
