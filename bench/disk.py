"""`disk`: what an engine's folder takes of the disk while 5,000 agents are updated 10,000,000 times, and after the last answer.
It may take so many times what must be kept: the states, and the answers that may be asked for again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from bench import swarm
from bench.figures import Metric, Reading
from bench.folder import own_folder, used_bytes
from bench.tasks import AGENTS, SEED
from bench.workload import Size, Workload
from checkpoints.store import open_store
from checkpoints.window import ANSWERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engine import Engine

__all__ = ["WORKLOAD"]

UPDATES, QUICK_UPDATES = 10_000_000, 50_000
#: seconds between two looks at the folder.
LOOK_S = 0.1
MB = 1024 * 1024
#: bytes that it may take beside `TIMES` times what must be kept.
ROOM_BYTES, TIMES = 32 * MB, 3


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: a new engine, all updates, a look, and what of it must be kept."""
    count = size.pick(UPDATES, QUICK_UPDATES)
    for _ in range(size.runs):
        with own_folder() as data:
            async with swarm.engine_of(data) as engine:
                await swarm.spawn_counters(engine)
                used, peak = await _updated(engine, data, count)
            kept = sum(_kept_bytes(str(folder)) for folder in (Path(data) / swarm.POOL.name).iterdir())
        allowed = (TIMES * kept + ROOM_BYTES) / MB
        yield {
            "used": Reading(used / MB, allowed, count),
            "peak": Reading(peak / MB, allowed, count),
            "kept": Reading(kept / MB, None, count),
        }


async def _updated(engine: Engine, data: str, count: int) -> tuple[int, int]:
    """Bytes that the folder has after the last answer, and the most it had.  Raises ValueError where updates were lost."""
    peak = used_bytes(data)

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, used_bytes(data))
            await asyncio.sleep(LOOK_S)

    watching = asyncio.ensure_future(watch())
    async for results in engine.map_batches(_additions(count)):
        if any(not result.ok for result in results):
            raise ValueError("an update failed")
    used = used_bytes(data)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    total = 0
    async for results in engine.map_batches((f"counter/{key}", "get") for key in range(AGENTS)):
        total += sum(results.values)
    if total != count:
        raise ValueError(f"{count:,} updates were answered, {total:,} are there")
    return used, max(peak, used)


def _additions(count: int) -> Iterator[tuple[str, str, int]]:
    names = [f"counter/{key}" for key in range(AGENTS)]
    pick = random.Random(SEED).choice
    for _ in range(count):
        yield pick(names), "add", 1


def _kept_bytes(folder: str) -> int:
    """Bytes of a store's states as JSON, and of the answers that may be asked for again."""
    store = open_store(folder, shards=swarm.POOL.shards, chance=os.urandom)
    try:
        states = sum(len(orjson.dumps([key, *state.values()])) for _, key, state in store.items())
        return states + sum(len(part.body) for part in store.window.parts() if part.letter == ANSWERS)
    finally:
        store.close()


WORKLOAD = Workload(
    name="disk",
    about="what 10,000,000 updates of 5,000 agents leave on the disk",
    metrics=(
        Metric("used", "MB", "after the last answer", against="3 x kept + 32 MB", reach="ratio ≤ 1"),
        Metric("peak", "MB", "the most while they ran", against="3 x kept + 32 MB", reach="ratio ≤ 1"),
        Metric("kept", "MB", "states, and answers that may be asked for again"),
    ),
    rounds=rounds,
    runs=1,
)
