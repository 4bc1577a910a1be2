"""`density`: bytes of memory a live agent, with one integer of state: the proportional set size of all processes after, less
before, by the number of agents. Each side runs in a process of its own, and the tasks are made as they are sent."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import orjson
import uvloop

from bench.figures import Metric, Reading
from bench.fresh import measured_afresh
from bench.processes import family, pss_bytes
from bench.tasks import once_each
from bench.workload import Size, Workload
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engine import Engine

__all__ = ["WORKLOAD"]

AGENTS = 1_000_000
QUICK_AGENTS = 50_000

#: agents that are made live before the first look, so that the code that does it is loaded.
WARM_AGENTS = 1_000

#: agents whose tasks the yardstick prepares at a time.
CHUNK_AGENTS = 20_000

#: seconds for the last counts of the workers to arrive.
SETTLE_TIMEOUT_S = 10.0


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: the yardstick, then the engine."""
    count = size.pick(AGENTS, QUICK_AGENTS)
    for _ in range(size.runs):
        raw = await asyncio.to_thread(measured_afresh, "density", "raw", count)
        own = await asyncio.to_thread(measured_afresh, "density", "engine", count)
        yield {"agent": Reading(own["agent"], raw["agent"], count)}


async def raw_bytes(count: int) -> dict[str, float]:
    """Bytes an agent of the yardstick: an object with one slot in a dict."""
    async with Yardstick("raw", WARM_AGENTS) as raw:
        await raw.run(Yardstick.share(once_each(0, WARM_AGENTS)))
        before = pss_bytes(family())
        await raw.make(count)
        for first in range(0, count, CHUNK_AGENTS):
            await raw.run(Yardstick.share(once_each(first, min(first + CHUNK_AGENTS, count), amount=1)))
        return {"agent": (pss_bytes(family()) - before) / (count - WARM_AGENTS)}


async def engine_bytes(count: int) -> dict[str, float]:
    """Bytes an agent of the engine, the caller's process included.  Raises ValueError when not all are live."""
    from bench import swarm

    async with swarm.engine_of() as engine:
        await swarm.spawn_counters(engine, WARM_AGENTS)
        await _add_one(engine, 0, WARM_AGENTS)
        await _until_live(engine, WARM_AGENTS)
        before = pss_bytes(family())
        await swarm.spawn_counters(engine, count)
        await _add_one(engine, WARM_AGENTS, count)
        await _until_live(engine, count)
        return {"agent": (pss_bytes(family()) - before) / (count - WARM_AGENTS)}


async def _add_one(engine: Engine, first: int, stop: int) -> None:
    """Make agents live by a task that changes their state; each must return 1."""
    right = 0
    async for results in engine.map_batches(_additions(first, stop)):
        right += sum(result.value == 1 for result in results)
    if right != stop - first:
        raise ValueError(f"{right} of {stop - first} agents returned 1")


def _additions(first: int, stop: int) -> Iterator[tuple[str, str, int]]:
    for number in range(first, stop):
        yield f"counter/{number}", "add", 1


async def _until_live(engine: Engine, count: int) -> None:
    """Wait until `stats` shows so many live agents: workers count when they are done, not with each task."""
    live = 0
    async with asyncio.timeout(SETTLE_TIMEOUT_S):
        while live != count:
            await asyncio.sleep(0.05)
            live = engine.stats().as_dict()["agents"]["live"]


WORKLOAD = Workload(
    name="density",
    about="memory a live agent with one integer of state",
    metrics=(Metric("agent", "bytes", "summed PSS after less before, by live agents", reach="≤ 350 bytes, then 230"),),
    rounds=rounds,
    runs=3,
)

if __name__ == "__main__":
    measure = {"raw": raw_bytes, "engine": engine_bytes}[sys.argv[1]]
    print(orjson.dumps(uvloop.run(measure(int(sys.argv[2])))).decode())
