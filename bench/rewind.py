"""`rewind`: what recording costs an engine with 100,000 agents on 8 workers, as a share of one core of its own process; what a
recording takes on the disk while tasks run; and how long a look at one of its instants takes.

The seconds with and without a recorder take turns, in the same process. The engine is idle in them: the cost is by the second,
whatever is done in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.figures import Metric, Reading
from bench.workload import Size, Workload
from engine import Engine
from engine.rewind.recorder import Recorder
from engine.rewind.ring import Ring
from engine.scene import Scene
from pools.counter import Counter
from pools.spec import PoolSpec

__all__ = ["WORKLOAD"]

AGENTS, QUICK_AGENTS = 100_000, 1_000
WORKERS, QUICK_WORKERS = 8, 2
#: seconds of one measurement, and of the pause before it.
WATCH_S, QUICK_WATCH_S, SETTLE_S = 20, 2, 2.0
#: looks at instants picked by chance.
LOOKS = 100


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: some idle seconds without a recorder, as many with one, then as many with tasks."""
    agents, workers = size.pick(AGENTS, QUICK_AGENTS), size.pick(WORKERS, QUICK_WORKERS)
    watch_s, chance = size.pick(WATCH_S, QUICK_WATCH_S), Random(size.seed or 1)
    async with Engine(kinds=[Counter], pools=[PoolSpec("p1", agents=agents, workers=workers)]) as engine:
        await engine.spawn(Counter, agents)
        await _work(engine, agents, 0.0)
        for _ in range(size.runs):
            without = await _idle(watch_s)
            with TemporaryDirectory() as folder:
                recorder = Recorder(Ring(folder), Scene(engine), engine.note)
                recorder.start()
                with_it = await _idle(watch_s)
                begin_s, before_bytes = time.time(), _size(folder)
                await _work(engine, agents, watch_s)
                seconds, size_bytes = time.time() - begin_s, _size(folder) - before_bytes
                instants = (await recorder.past(limit=10_000))["instants"]
                look_s = time.perf_counter()
                for _ in range(LOOKS):
                    await recorder.at(chance.choice(instants))
                look_s = (time.perf_counter() - look_s) / LOOKS
                await recorder.close()
            yield {
                "cpu": Reading(with_it - without, None, watch_s),
                "disk": Reading(size_bytes / seconds, None, len(instants)),
                "look": Reading(look_s * 1e3, None, LOOKS),
            }


async def _idle(seconds: float) -> float:
    """What this process spends in some seconds, in percent of a core."""
    await asyncio.sleep(SETTLE_S)
    begin_s, spent_s = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - spent_s) / (time.perf_counter() - begin_s) * 100


async def _work(engine: Engine, agents: int, seconds: float) -> None:
    """All agents once, and again for some seconds."""
    until_s = time.perf_counter() + seconds
    while True:
        async for _ in engine.map_batches((f"counter/{number}", "add", 1) for number in range(agents)):
            pass
        if time.perf_counter() >= until_s:
            return


def _size(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).glob("*.rewind"))


WORKLOAD = Workload(
    name="rewind",
    about="what is shown, recorded once a second: 100,000 agents, 8 workers",
    metrics=(
        Metric("cpu", "% of a core", "of the engine's process, more than without it; n is seconds", reach="≤ 0.5"),
        Metric("disk", "bytes/s", "while tasks run; n is instants"),
        Metric("look", "ms", "an instant picked by chance"),
    ),
    rounds=rounds,
    runs=3,
)
