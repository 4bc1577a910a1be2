"""`growth`: all bytes that processes give to write() for one agent whose `Log` grows by an item a step, and how they grow with
the steps: the slope of their logarithms, where 1 is a cost that does not know the agent's age. The kernel counts: the worker,
less what it sends to the engine, and every compaction. One agent is as large as agents are allowed to be; a larger one is
folded on its way."""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading
from bench.folder import own_folder
from bench.tasks import SEED
from bench.workload import Size, Workload
from engine import Agent, Engine, Log, PoolSpec
from pools.gauges import BYTES_OUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pools.seat import Seat

__all__ = ["WORKLOAD", "Diary", "LargeDiary", "slope"]

#: steps after which the bytes are read: evenly spread by their logarithms.
STEPS = (100, 178, 316, 562, 1_000, 1_778, 3_162, 5_623, 10_000)
QUICK_STEPS = (100, 178, 316)
#: characters of an item: 10,000 of them are just inside an agent's 512 KB, or ten times as much.
ITEM_CHARS, LARGE_ITEM_CHARS = 48, 480
#: seconds between two looks, and those without any write after which nothing more is to come: a look of the compactor, and the
#: start of its process.
LOOK_S, SETTLED_S, QUICK_SETTLED_S = 0.1, 2.5, 0.3
PROC = Path("/proc")


class Diary(Agent):
    """Grows."""

    notes: Log[str]

    def note(self, text: str) -> int:
        """Add an item; returns how many there are."""
        self.notes.append(text)
        return len(self.notes)


class LargeDiary(Diary):
    """May grow further."""

    memory_limit_bytes = 8 * 1024 * 1024


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: an engine with one agent, step by step, for each of the two."""
    steps, settled_s = (QUICK_STEPS, QUICK_SETTLED_S) if size.is_quick else (STEPS, SETTLED_S)
    for _ in range(size.runs):
        readings = {}
        for suffix, kind, chars in (("", Diary, ITEM_CHARS), ("_large", LargeDiary, LARGE_ITEM_CHARS)):
            written, folded = await _grown(kind, steps, chars, settled_s)
            total, last = [sum(both) for both in zip(written, folded, strict=True)], steps[-1]
            readings[f"slope{suffix}"] = Reading(slope(steps, total), None, last)
            readings[f"step{suffix}"] = Reading(total[-1] / last, chars + len('"",'), last)
            readings[f"folded{suffix}"] = Reading(folded[-1] / last, None, last)
        yield readings


async def _grown(kind: type[Diary], steps: tuple[int, ...], chars: int, settled_s: float) -> tuple[list[int], list[int]]:
    """Bytes that the worker wrote, and those that compactions wrote, after each of some numbers of steps."""
    chance = random.Random(SEED)
    pool = PoolSpec(name="bench", agents=1, workers=1, sleep_after_s=None)
    worker, folds = [], []
    with own_folder() as data:
        async with Engine(kinds=[kind], pools=[pool], durability="sync", data=data) as engine:
            await engine.spawn(kind, 1)
            (seat,) = engine.swarm.seats
            counts_before = await _settled(seat, settled_s)
            done = 0
            for wanted in steps:
                while done < wanted:
                    done += 1
                    if await engine.ask(f"{kind.kind}/0", "note", chance.randbytes(chars // 2).hex()) != done:
                        raise ValueError(f"step {done} was not the agent's {done}th")
                counts = await _settled(seat, settled_s)
                worker.append(counts[0] - counts_before[0])
                folds.append(counts[1] - counts_before[1])
    return worker, folds


async def _settled(seat: Seat, settled_s: float) -> tuple[int, int]:
    """The bytes of the worker and of compactions, once both have written nothing for a while."""
    counts, since_s = _written(seat), time.monotonic()
    while time.monotonic() - since_s < settled_s:
        await asyncio.sleep(LOOK_S)
        now = _written(seat)
        if now != counts:
            counts, since_s = now, time.monotonic()
    return counts


def _written(seat: Seat) -> tuple[int, int]:
    """Bytes given to write(): by the worker into files, and by the processes that this one has started and seen the end of."""
    assert seat.pid is not None
    worker = _write_bytes(PROC / str(seat.pid)) - seat.cells[BYTES_OUT]
    own = PROC / str(os.getpid())
    return worker, _write_bytes(own) - sum(_write_bytes(thread) for thread in (own / "task").iterdir())


def _write_bytes(of: Path) -> int:
    """What the kernel counts for a process with its children that have ended, or for a thread."""
    for line in (of / "io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise ValueError(f"{of}/io has no line wchar")


def slope(steps: tuple[int, ...], written: list[int]) -> float:
    """The slope of the line through the logarithms, by least squares."""
    xs, ys = [math.log(step) for step in steps], [math.log(size_bytes) for size_bytes in written]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return across / sum((x - x_mean) ** 2 for x in xs)


WORKLOAD = Workload(
    name="growth",
    about="bytes written for an agent with a growing Log",
    metrics=(
        Metric("slope", "", "log-log, over steps 100 to 10,000, 48 bytes a step", reach="≤ 1.1, then 1.02"),
        Metric("step", "bytes", "written a step, all in all", against="the item as JSON"),
        Metric("folded", "bytes", "of which by compactions"),
        Metric("slope_large", "", "the same, 480 bytes a step", reach="≤ 1.1, then 1.02"),
        Metric("step_large", "bytes", "written a step, all in all", against="the item as JSON"),
        Metric("folded_large", "bytes", "of which by compactions"),
    ),
    rounds=rounds,
    runs=1,
)
