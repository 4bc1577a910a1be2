"""`throughput`: no-op tasks on agents picked at random, through each public verb that takes many. The yardstick runs the same
list right before each verb, so that each ratio is of neighbours in time."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from bench import swarm
from bench.figures import Metric, Reading
from bench.tasks import Passes, mixed_tasks
from bench.workload import Size, Workload
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD"]

#: tasks of one measurement: a quarter of a second for the yardstick.
TASKS = 1_000_000
QUICK_TASKS = 50_000

VERBS = {"map": swarm.map_each, "map_batches": swarm.map_batches, "ask": swarm.ask}


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: raw then rows, then raw and a verb for each verb."""
    count = size.pick(TASKS, QUICK_TASKS)
    tasks = mixed_tasks(count)
    passes, raw_parts, rows_parts = Passes(tasks), Yardstick.share(tasks), Yardstick.share(tasks)
    async with Yardstick("raw") as raw, Yardstick("rows") as rows, swarm.engine_of() as engine:
        await swarm.spawn_counters(engine)
        gc.collect()
        gc.freeze()
        try:
            await raw.run(raw_parts)
            await rows.run(rows_parts)
            await swarm.map_each(engine, passes)
            for _ in range(size.runs):
                limit = count / await raw.run(raw_parts)
                row_rate = count / await rows.run(rows_parts)
                readings = {"rows": Reading(row_rate, limit, count)}
                for name, verb in VERBS.items():
                    limit = count / await raw.run(raw_parts)
                    readings[name] = Reading(count / await verb(engine, passes), limit, count, row_rate)
                yield readings
        finally:
            gc.unfreeze()


WORKLOAD = Workload(
    name="throughput",
    about="no-op tasks over 5,000 agents and two workers",
    metrics=(
        Metric("map", "tasks/s", "async for over engine.map", reach="ratio ≥ 0.3, then 0.45"),
        Metric("map_batches", "tasks/s", "results in lists", reach="ratio ≥ 0.4, then 0.65"),
        Metric("ask", "tasks/s", f"{swarm.ASKERS:,} coroutines, each awaiting one", reach="ratio ≥ 0.15, then 0.21"),
        Metric("rows", "tasks/s", "the second yardstick, a row a task"),
    ),
    rounds=rounds,
    runs=5,
)
