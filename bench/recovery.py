"""`recovery`: a worker with 250,000 agents is killed after 2,000,000 updates of agents picked at random: how long until the
first of them answers, and until every one has. Its log is folded as in any engine, but not in the 10 s before the kill; then
the same with a log of which nothing was folded. Each answer is held against a count of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading
from bench.folder import own_folder
from bench.tasks import SEED
from bench.workload import Size, Workload
from engine import Engine, PoolSpec
from pools.counter import Counter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["WORKLOAD"]

AGENTS, QUICK_AGENTS = 250_000, 5_000
UPDATES, QUICK_UPDATES = 2_000_000, 20_000
#: seconds without a compaction before the kill.
QUIET_S, QUICK_QUIET_S = 10, 1
#: seconds between two looks at the store.
LOOK_S = 0.1
#: tasks in flight to the worker.
WINDOW = 4_096
#: the file that whoever folds a store's log holds, as FORMAT.md says.
COMPACT = "COMPACT"


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: an engine whose log is folded as it grows, then one whose log is not."""
    count = size.pick(AGENTS, QUICK_AGENTS)
    for _ in range(size.runs):
        readings = {}
        for suffix, is_folded in (("", True), ("_unfolded", False)):
            first_s, all_s = await _recovered(size, count, is_folded=is_folded)
            readings[f"all{suffix}"] = Reading(all_s, None, count)
            readings[f"first{suffix}"] = Reading(first_s * 1e3, None, count)
        yield readings


async def _recovered(size: Size, count: int, *, is_folded: bool) -> tuple[float, float]:
    """Seconds from the kill to the first answer, and to the last.  Raises ValueError where one is wrong or missing."""
    chance = random.Random(SEED)
    pool = PoolSpec(name="bench", agents=count, workers=1, window=WINDOW, sleep_after_s=None)
    with own_folder() as data, ExitStack() as held:
        async with Engine(kinds=[Counter], pools=[pool], durability="sync", data=data) as engine:
            await engine.spawn(Counter, count)
            store = Path(data) / pool.name / "0"
            if not is_folded:
                held.enter_context(_unfolded(store))
            totals = await _update(engine, count, size.pick(UPDATES, QUICK_UPDATES), chance)
            if is_folded:
                await _quiet(store, size.pick(QUIET_S, QUICK_QUIET_S))
            return await _kill(engine, totals, chance)


async def _update(engine: Engine, count: int, updates: int, chance: random.Random) -> list[int]:
    """Have agents add small numbers; returns what each of them has then."""
    totals = [0] * count

    def additions() -> Iterator[tuple[str, str, int]]:
        for _ in range(updates):
            key = chance.randrange(count)
            totals[key] += 1
            yield f"counter/{key}", "add", 1

    async for results in engine.map_batches(additions()):
        if any(not result.ok for result in results):
            raise ValueError("an update failed before anything was killed")
    return totals


async def _quiet(store: Path, seconds: float) -> None:
    """Wait until no compaction has ended for so long: each of them writes the manifest."""
    while time.time() - (store / "MANIFEST").stat().st_mtime < seconds:
        await asyncio.sleep(LOOK_S)


@contextmanager
def _unfolded(store: Path) -> Iterator[None]:
    """Hold what a compaction would have to hold, so that there is none."""
    descriptor = os.open(store / COMPACT, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


async def _kill(engine: Engine, totals: list[int], chance: random.Random) -> tuple[float, float]:
    """Kill the worker and ask every agent at once, in any order."""
    keys = chance.sample(range(len(totals)), len(totals))
    tasks = [(f"counter/{key}", "get") for key in keys]
    (seat,) = engine.swarm.seats
    assert seat.pid is not None
    got = [-1] * len(totals)
    first_s = 0.0
    start = time.perf_counter()
    os.kill(seat.pid, signal.SIGKILL)
    async for results in engine.map_batches(tasks):
        first_s = first_s or time.perf_counter() - start
        for at, value in zip(results.ids, results.values, strict=True):
            got[keys[at]] = value
    all_s = time.perf_counter() - start
    if got != totals:
        wrong = sum(value != total for value, total in zip(got, totals, strict=True))
        raise ValueError(f"{wrong:,} of {len(totals):,} agents did not answer what they had been told")
    if not seat.restarts:
        raise ValueError("the worker that was killed was not started again")
    return first_s, all_s


WORKLOAD = Workload(
    name="recovery",
    about="from the kill of a worker with 250,000 agents until they answer, after 2,000,000 updates",
    metrics=(
        Metric("all", "s", "until every agent has answered", reach="≤ 1 s, then 0.4"),
        Metric("first", "ms", "until the first answer", reach="≤ 100 ms, then 30"),
        Metric("all_unfolded", "s", "the same, nothing of the log folded"),
        Metric("first_unfolded", "ms", "the same, nothing of the log folded"),
    ),
    rounds=rounds,
    runs=3,
)
