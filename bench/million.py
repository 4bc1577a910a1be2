"""`million`: 1,000,000 agents spawned, dormant, and then all of them live and pinged. Each side runs in a process of its own.
Both times count from the spawn; the yardstick knows no dormant agents, so it makes all objects at once."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import TYPE_CHECKING

import orjson
import uvloop

from bench.figures import Metric, Reading
from bench.fresh import measured_afresh
from bench.tasks import Passes, once_each
from bench.workload import Size, Workload
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD"]

AGENTS = 1_000_000
QUICK_AGENTS = 20_000


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: the yardstick, then the engine."""
    count = size.pick(AGENTS, QUICK_AGENTS)
    for _ in range(size.runs):
        raw = await asyncio.to_thread(measured_afresh, "million", "raw", count)
        own = await asyncio.to_thread(measured_afresh, "million", "engine", count)
        yield {name: Reading(own[name], raw[name], count) for name in ("dormant", "live")}


async def raw_times(count: int) -> dict[str, float]:
    """Seconds to make the agents, and until each has answered."""
    parts = Yardstick.share(once_each(0, count))
    gc.freeze()
    async with Yardstick("raw", 0) as raw:
        start = time.perf_counter()
        await raw.make(count)
        made = time.perf_counter() - start
        return {"dormant": made, "live": made + await raw.run(parts)}


async def engine_times(count: int) -> dict[str, float]:
    """Seconds of the spawn, and until each agent has answered."""
    from bench import swarm

    passes = Passes(once_each(0, count))
    gc.freeze()
    async with swarm.engine_of() as engine:
        spawned = await swarm.spawn_counters(engine, count)
        return {"dormant": spawned, "live": spawned + await swarm.map_batches(engine, passes)}


WORKLOAD = Workload(
    name="million",
    about="1,000,000 agents in one engine",
    metrics=(
        Metric("dormant", "s", "until the spawn has returned", reach="≤ 0.3 s, then 0.1"),
        Metric("live", "s", "until each agent is live and has answered", reach="≤ 3 s, then 1.5"),
    ),
    rounds=rounds,
    runs=3,
)

if __name__ == "__main__":
    measure = {"raw": raw_times, "engine": engine_times}[sys.argv[1]]
    print(orjson.dumps(uvloop.run(measure(int(sys.argv[2])))).decode())
