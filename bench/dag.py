"""`dag`: levels of no-op tasks, each of which waits for two of the level above, from the first line given to the last result,
and what a task costs in memory while it waits. Beside it the yardstick's rate for as many tasks that wait for nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from typing import TYPE_CHECKING, Any

from bench import swarm
from bench.figures import Metric, Reading
from bench.lines import check_order, level_lines
from bench.processes import pss_bytes
from bench.tasks import mixed_tasks
from bench.workload import Size, Workload
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine import Engine

__all__ = ["WORKLOAD"]

LEVELS, WIDTH = 100, 1_000
QUICK_LEVELS = 10
#: seconds between two looks at whether all accepted tasks have ended.
LOOK_S = 0.002
#: seconds within which they must have.
WITHIN_S = 120.0


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: the yardstick, then the levels through each verb, then once more behind a gate."""
    levels = size.pick(LEVELS, QUICK_LEVELS)
    count = levels * WIDTH
    raw_parts = Yardstick.share(mixed_tasks(count))
    async with Yardstick("raw") as raw:
        for _ in range(size.runs):
            limit = count / await raw.run(raw_parts)
            async with swarm.engine_of() as engine:
                await swarm.spawn_counters(engine)
                await _mapped(engine, level_lines(2, 100))
                mapped = await _mapped(engine, level_lines(levels, WIDTH))
                submitted = await _submitted(engine, level_lines(levels, WIDTH))
                waiting = await _held_bytes(engine, levels)
            yield {
                "map_batches": Reading(mapped, limit, count),
                "submit": Reading(submitted, limit, count),
                "waiting": Reading(waiting, None, count),
            }


async def _mapped(engine: Engine, lines: list[dict[str, Any]]) -> float:
    """Tasks a second from the first line to the last result."""
    ended: list[Any] = []
    gc.collect()
    start = time.perf_counter()
    async for batch in engine.map_batches(lines):
        ended += batch.ids
    seconds = time.perf_counter() - start
    check_order(lines, ended)
    return len(lines) / seconds


async def _submitted(engine: Engine, lines: list[dict[str, Any]]) -> float:
    """Tasks a second from their submission until the last one has ended."""
    before = engine.detached.register.counts()
    gc.collect()
    start = time.perf_counter()
    await engine.submit(lines)
    async with asyncio.timeout(WITHIN_S):
        while engine.detached.register.open:
            await asyncio.sleep(LOOK_S)
    seconds = time.perf_counter() - start
    if engine.detached.register.counts()["done"] - before["done"] != len(lines):
        raise ValueError(f"not all of {len(lines):,} tasks were done: {engine.detached.register.counts()}")
    return len(lines) / seconds


async def _held_bytes(engine: Engine, levels: int) -> float:
    """Bytes of this process for each task that waits, the names by which it is known included; then all of them are run."""
    gate = {"id": "gate", "agent": "counter/0", "method": "get"}
    lines = level_lines(levels, WIDTH, first=["gate"])
    lines = [line | {"id": f"held {line['id']}", "after": [_held(name) for name in line["after"]]} for line in lines]
    gc.collect()
    before = pss_bytes([os.getpid()])
    await engine.submit(lines)
    gc.collect()
    held_bytes = pss_bytes([os.getpid()]) - before
    if engine.detached.register.open != len(lines):
        raise ValueError(f"{engine.detached.register.open:,} tasks wait, not {len(lines):,}")
    await engine.submit([gate])
    async with asyncio.timeout(WITHIN_S):
        while engine.detached.register.open:
            await asyncio.sleep(LOOK_S)
    return held_bytes / len(lines)


def _held(name: str) -> str:
    return name if name == "gate" else f"held {name}"


WORKLOAD = Workload(
    name="dag",
    about="100 levels of 1,000 tasks, each behind two of the level above, in memory",
    metrics=(
        Metric("map_batches", "tasks/s", "lines in, results out", reach="≥ 100,000 tasks/s"),
        Metric("submit", "tasks/s", "accepted, and done", reach="≥ 100,000 tasks/s"),
        Metric("waiting", "B", "of the engine's process, a task that waits", against="none", reach="≤ 1,024 B"),
    ),
    rounds=rounds,
    runs=5,
)
