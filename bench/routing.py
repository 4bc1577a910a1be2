"""`routing`: tasks with conditions against the same tasks without: each has a priority, one of a hundred waits for another one,
all are addressed to a kind. What chooses agents and counts failures is on for both sides."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

from bench import swarm
from bench.figures import Metric, Reading
from bench.lines import check_order, plain_lines, routed_lines
from bench.workload import Size, Workload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine import Engine

__all__ = ["WORKLOAD"]

TASKS = 400_000
QUICK_TASKS = 20_000


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: the plain tasks, then those with conditions."""
    count = size.pick(TASKS, QUICK_TASKS)
    plain, routed = plain_lines(count), routed_lines(count)
    async with swarm.engine_of() as engine:
        await swarm.spawn_counters(engine)
        gc.collect()
        gc.freeze()
        try:
            await _run(engine, plain)
            await _run(engine, routed)
            for _ in range(size.runs):
                limit = await _run(engine, plain)
                yield {"map_batches": Reading(await _run(engine, routed), limit, count)}
        finally:
            gc.unfreeze()


async def _run(engine: Engine, lines: list[dict[str, Any]]) -> float:
    """Tasks a second."""
    ended: list[Any] = []
    gc.collect()
    start = time.perf_counter()
    async for batch in engine.map_batches(lines):
        if batch.failures or any(batch.values):
            raise ValueError(f"a counter that nobody added to gave {batch.values!r:.80}, {batch.failures!r:.80}")
        ended += batch.ids
    seconds = time.perf_counter() - start
    check_order(lines, ended)
    return len(lines) / seconds


WORKLOAD = Workload(
    name="routing",
    about="tasks with a priority, some with dependencies, for a kind",
    metrics=(Metric("map_batches", "tasks/s", "results in lists", against="the same without conditions", reach="ratio ≥ 0.8"),),
    rounds=rounds,
    runs=5,
)
