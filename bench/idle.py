"""`idle`: cpu time of an engine that has 5,000 live agents and nothing to do, as a share of one core, beside the yardstick's
processes in the same seconds."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.daemon import NAME, Daemon, own_daemon
from bench.figures import Metric, Reading
from bench.processes import cpu_ns
from bench.tasks import AGENTS
from bench.workload import Size, Workload
from bench.yardstick import Yardstick
from engine import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD"]

#: seconds of one measurement, and of the pause before it, in which what the last task left to do is done.
WATCH_S = 10
QUICK_WATCH_S = 1
SETTLE_S = 2.0


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: some seconds in which nobody asks anything of either side."""
    watch_s = size.pick(WATCH_S, QUICK_WATCH_S)
    with own_daemon() as daemon:
        daemon.spawn(AGENTS)
        await _wake_all(daemon)
        async with Yardstick("raw") as raw:
            await asyncio.sleep(SETTLE_S)
            pids = [process.pid for process in daemon.processes()]
            for _ in range(size.runs):
                start, own, limit = time.perf_counter(), cpu_ns(pids), cpu_ns(raw.pids)
                await asyncio.sleep(watch_s)
                seconds = time.perf_counter() - start
                yield {
                    "cpu": Reading(_percent(cpu_ns(pids) - own, seconds), _percent(cpu_ns(raw.pids) - limit, seconds), watch_s)
                }


async def _wake_all(daemon: Daemon) -> None:
    async with Client(name=NAME, environ=daemon.environ) as client:
        async for _ in client.map_batches((f"counter/{number}", "ping") for number in range(AGENTS)):
            pass


def _percent(spent_ns: int, seconds: float) -> float:
    return spent_ns / 1e9 / seconds * 100


WORKLOAD = Workload(
    name="idle",
    about="an engine with 5,000 live agents and no work",
    metrics=(Metric("cpu", "% of a core", "daemon and workers together; n is seconds", reach="≤ 1 %, then 0.2"),),
    rounds=rounds,
    runs=3,
)
