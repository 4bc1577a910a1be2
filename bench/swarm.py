"""The engine as it is measured: the shipped counter, two workers and the yardstick's number of tasks in flight, else the
default configuration. It has one way to run a task list for each public verb, with the yardstick's check of every reply."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

from bench.tasks import AGENTS, Passes
from bench.yardlink import FRAME_TASKS, WINDOW_FRAMES
from bench.yardstick import WORKERS
from engine import Engine, PoolSpec
from pools.counter import Counter

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ASKERS", "MOST_AGENTS", "ask", "ask_in_turn", "engine_of", "map_batches", "map_each", "spawn_counters"]

#: coroutines that each await one answer at a time.
ASKERS = 2_000

#: most agents: a million, and room to warm up.
MOST_AGENTS = 1_100_000

#: the yardstick's workers and its tasks in flight to each; no agent sleeps, since the figures are of live ones.
POOL = PoolSpec(name="bench", agents=MOST_AGENTS, workers=WORKERS, window=FRAME_TASKS * WINDOW_FRAMES, sleep_after_s=None)


def engine_of(data: str | None = None, pool: PoolSpec = POOL) -> Engine:
    """An engine to enter, in this process; with a folder its state is kept there, each answer after its sync."""
    return Engine(kinds=[Counter], pools=[pool], durability="memory" if data is None else "sync", data=data)


async def spawn_counters(engine: Engine, count: int = AGENTS) -> float:
    """Have `count` counters in all; returns the seconds that it took."""
    start = time.perf_counter()
    await engine.spawn(Counter, count)
    return time.perf_counter() - start


async def map_each(engine: Engine, passes: Passes) -> float:
    """Run each task once through `map`, result by result; returns the seconds."""
    got: list[Any] = [None] * len(passes.tasks)
    gc.collect()
    start = time.perf_counter()
    async for result in engine.map(passes.tasks.tasks):
        got[result.id] = result.value
    seconds = time.perf_counter() - start
    passes.check(got)
    return seconds


async def map_batches(engine: Engine, passes: Passes) -> float:
    """Run each task once through `map_batches`, keeping the columns of each batch; returns the seconds."""
    ids: list[Any] = []
    values: list[Any] = []
    gc.collect()
    start = time.perf_counter()
    async for results in engine.map_batches(passes.tasks.tasks):
        ids += results.ids
        values += results.values
    seconds = time.perf_counter() - start
    got: list[Any] = [None] * len(passes.tasks)
    for number, value in zip(ids, values, strict=True):
        got[number] = value
    passes.check(got)
    return seconds


async def ask(engine: Engine, passes: Passes, askers: int = ASKERS) -> float:
    """Run each task once through `ask` from so many coroutines, each awaiting one at a time; returns the seconds."""
    got: list[Any] = [None] * len(passes.tasks)
    work = iter(enumerate(passes.tasks.tasks))
    gc.collect()
    start = time.perf_counter()
    await asyncio.gather(*(_asker(engine, work, got) for _ in range(askers)))
    seconds = time.perf_counter() - start
    passes.check(got)
    return seconds


async def _asker(engine: Engine, work: Iterator[tuple[int, tuple[Any, ...]]], got: list[Any]) -> None:
    for number, task in work:
        got[number] = await engine.ask(*task)


async def ask_in_turn(engine: Engine, passes: Passes) -> list[int]:
    """Run each task alone, the next after the answer to the last; returns the nanoseconds of each."""
    clock = time.perf_counter_ns
    got, spent = [], []
    for task in passes.tasks.tasks:
        start = clock()
        reply = await engine.ask(*task)
        spent.append(clock() - start)
        got.append(reply)
    passes.check(got)
    return spent
