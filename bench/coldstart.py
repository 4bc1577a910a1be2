"""`coldstart`: from the exec of a program with an engine whose 1,000,000 agents have state to the answer of the last of them.
The page cache is dropped before, which takes root: `dropped` is 0 where that could not be, and it is said. The quick form
leaves the machine its cache."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

import orjson
import uvloop

from bench import swarm
from bench.figures import Metric, Reading
from bench.folder import drop_cache, own_folder
from bench.fresh import measured_afresh
from bench.workload import Size, Workload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["WORKLOAD"]

AGENTS = 1_000_000
QUICK_AGENTS = 20_000
#: totals are 1 up to this.
MOST = 1_000


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """Agents with state are made once; a round starts a program that asks them all."""
    count = size.pick(AGENTS, QUICK_AGENTS)
    with own_folder() as data:
        await _prepare(data, count)
        for _ in range(size.runs):
            why = None if size.is_quick else drop_cache()
            if why is not None:
                print(why, file=sys.stderr)
            start = time.monotonic()
            said = await asyncio.to_thread(measured_afresh, "coldstart", "engine", count, data)
            yield {
                "all": Reading(said["ended"] - start, None, count),
                "started": Reading(said["started"] - start, None, count),
                "dropped": Reading(0 if why or size.is_quick else 1, None, count),
            }


async def _prepare(data: str, count: int) -> None:
    """Keep agents with state in a folder.  Raises ValueError where one has not taken it."""
    async with swarm.engine_of(data) as engine:
        await swarm.spawn_counters(engine, count)
        async for results in engine.map_batches((f"counter/{key}", "add", key % MOST + 1) for key in range(count)):
            if any(value != at % MOST + 1 for at, value in zip(results.ids, results.values, strict=True)):
                raise ValueError("an agent has not taken its state")


async def engine_times(count: int, data: str) -> dict[str, float]:
    """When the engine had started and when the last agent had answered, on the clock that all processes share.

    Raises ValueError where an answer is not what was kept.
    """
    right = 0
    async with swarm.engine_of(data) as engine:
        started = time.monotonic()
        async for results in engine.map_batches(_questions(count)):
            right += sum(value == at % MOST + 1 for at, value in zip(results.ids, results.values, strict=True))
        ended = time.monotonic()
    if right != count:
        raise ValueError(f"{right:,} of {count:,} agents answered what they had")
    return {"started": started, "ended": ended}


def _questions(count: int) -> Iterator[tuple[str, str]]:
    for key in range(count):
        yield f"counter/{key}", "get"


WORKLOAD = Workload(
    name="coldstart",
    about="from exec until 1,000,000 agents with state have answered",
    metrics=(
        Metric("all", "s", "until every agent has answered", reach="≤ 6 s, then 2"),
        Metric("started", "s", "until the engine took tasks"),
        Metric("dropped", "", "1: the page cache was dropped before"),
    ),
    rounds=rounds,
    runs=3,
)

if __name__ == "__main__":
    print(orjson.dumps(uvloop.run(engine_times(int(sys.argv[2]), sys.argv[3]))).decode())
