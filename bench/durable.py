"""`durable`: what it costs that no answer leaves before its change is on the disk. The yardstick is the same engine with its
state in memory; for one task in flight it is a write and a sync of the same file system, with no engine."""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING

from bench import swarm
from bench.figures import Metric, Reading, percentile
from bench.tasks import AGENTS, Passes, TaskList, mixed_tasks
from bench.workload import Size, Workload
from bench.yardstick import WORKERS
from engine import PoolSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine import Engine

__all__ = ["WORKLOAD"]

#: tasks of one measurement, and those that are asked one at a time.
TASKS, QUICK_TASKS = 400_000, 20_000
ALONE, QUICK_ALONE = 1_000, 100
#: coroutines of the second reading.
MANY_ASKERS = 8_000
#: bytes of a frame with one record.
FRAME_BYTES = 144

#: as many workers as the yardstick has, and the default number of tasks in flight to each: both ways wait in the same window.
POOL = PoolSpec(name="bench", agents=AGENTS, workers=WORKERS, sleep_after_s=None)


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: each way with state in memory, then kept; then one task at a time beside as many raw syncs."""
    count = size.pick(TASKS, QUICK_TASKS)
    tasks = mixed_tasks(count)
    plain, kept = Passes(tasks), Passes(tasks)
    with tempfile.TemporaryDirectory(prefix="bench-") as data:
        async with swarm.engine_of(pool=POOL) as memory, swarm.engine_of(data, POOL) as durable:
            for engine in (memory, durable):
                await swarm.spawn_counters(engine)
            await swarm.map_each(memory, plain)
            await swarm.map_each(durable, kept)
            for _ in range(size.runs):
                readings = {}
                for name, askers in (("ask", swarm.ASKERS), ("ask_8000", MANY_ASKERS)):
                    limit = count / await swarm.ask(memory, plain, askers)
                    readings[name] = Reading(count / await swarm.ask(durable, kept, askers), limit, count)
                limit = count / await swarm.map_each(memory, plain)
                readings["map"] = Reading(count / await swarm.map_each(durable, kept), limit, count)
                alone = size.pick(ALONE, QUICK_ALONE)
                raw_us = percentile(_syncs(data, alone), 0.5) / 1e3
                spent = await _alone(durable, tasks, alone)
                readings["alone"] = Reading(percentile(spent, 0.5) / 1e3, raw_us, alone)
                yield readings
                kept.done = plain.done = 0
                await _reset(memory, durable)


async def _reset(*engines: Engine) -> None:
    """Every counter at zero again: the tasks alone have moved some of them."""
    for engine in engines:
        totals = {result.id: result.value async for result in engine.map((f"counter/{key}", "get") for key in range(AGENTS))}
        async for result in engine.map((f"counter/{key}", "add", -total) for key, total in totals.items()):
            if not result.ok:
                raise ValueError(f"a counter could not be set back: {result.error}")


async def _alone(engine: Engine, tasks: TaskList, count: int) -> list[int]:
    """The nanoseconds of each of some adds, one after the other."""
    spent = []
    for number in range(count):
        address = tasks.calls[number][0]
        start = time.perf_counter_ns()
        await engine.ask(address, "add", 1)
        spent.append(time.perf_counter_ns() - start)
    return spent


def _syncs(folder: str, count: int) -> list[int]:
    """The nanoseconds of each of some appends with a sync behind it."""
    spent = []
    descriptor, path = tempfile.mkstemp(dir=folder)
    try:
        for _ in range(count):
            start = time.perf_counter_ns()
            os.write(descriptor, bytes(FRAME_BYTES))
            os.fdatasync(descriptor)
            spent.append(time.perf_counter_ns() - start)
    finally:
        os.close(descriptor)
        os.unlink(path)  # noqa: PTH108 - what mkstemp gave is a text
    return spent


WORKLOAD = Workload(
    name="durable",
    about="every answer after its sync",
    metrics=(
        Metric("ask", "tasks/s", "2,000 in flight, one at a time each", against="memory", reach="ratio ≥ 0.6, then 0.75"),
        Metric("ask_8000", "tasks/s", "8,000 in flight", against="memory", reach="ratio ≥ 0.75, then 0.9"),
        Metric("map", "tasks/s", "async for over engine.map", against="memory", reach="ratio ≥ 0.55, then 0.65"),
        Metric("alone", "us", "one in flight, p50", against="write and fdatasync", reach="raw + 250 us, then + 150"),
    ),
    rounds=rounds,
    runs=5,
)
