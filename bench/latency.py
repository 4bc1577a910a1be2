"""`latency`: one task in flight over 5,000 agents in turn, unpinned and with every process on one core. Where the processes
stand decides more than what they do, so each placement has its own ratio. Nothing polls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import swarm
from bench.figures import Metric, Reading, percentile
from bench.processes import family, on_one_core
from bench.tasks import Passes, turn_tasks
from bench.workload import Size, Workload
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from engine import Engine

__all__ = ["WORKLOAD"]

#: round trips of one measurement: each agent once.
TRIPS = 5_000
QUICK_TRIPS = 500


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: raw and engine unpinned, raw and engine on one core."""
    tasks = turn_tasks(size.pick(TRIPS, QUICK_TRIPS))
    passes, parts = Passes(tasks), Yardstick.share(tasks)
    async with Yardstick("raw") as raw, swarm.engine_of() as engine:
        await swarm.spawn_counters(engine)
        await _both(raw, engine, passes, parts)
        for _ in range(size.runs):
            free = await _both(raw, engine, passes, parts)
            with on_one_core(family()):
                pinned = await _both(raw, engine, passes, parts)
            yield _readings(*free, "") | _readings(*pinned, "_one_core")


async def _both(raw: Yardstick, engine: Engine, passes: Passes, parts: list[Passes]) -> tuple[list[int], list[int]]:
    limit = await raw.turns(parts)
    return await swarm.ask_in_turn(engine, passes), limit


def _readings(spent: Sequence[int], limit: Sequence[int], suffix: str) -> dict[str, Reading]:
    """Percentiles in microseconds from the nanoseconds of each trip."""
    return {
        f"{name}{suffix}": Reading(percentile(spent, share) / 1e3, percentile(limit, share) / 1e3, len(spent))
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


WORKLOAD = Workload(
    name="latency",
    about="one task in flight over 5,000 agents in turn",
    metrics=(
        Metric("p50", "us", "no process pinned", reach="ratio ≤ 1.5, then 1.2"),
        Metric("p50_one_core", "us", "all processes on one core", reach="ratio ≤ 1.5, then 1.2"),
        Metric("p99", "us", "no process pinned"),
        Metric("p99_one_core", "us", "all processes on one core"),
    ),
    rounds=rounds,
    runs=7,
)
