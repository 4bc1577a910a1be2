"""`agents`: how long a window of agents takes among a hundred thousand: to be chosen by the engine, for others meanwhile, and
to be drawn. Against the same among a thousand."""

from __future__ import annotations

import asyncio
import gc
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.figures import Metric, Reading
from bench.workload import Size, Workload
from pools.counter import Counter
from pools.spec import PoolSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine import Engine

__all__ = ["WORKLOAD"]

AGENTS, FEW = 100_000, 1_000
#: agents of a window, as the dashboard has them.
WINDOW = 200
#: windows of each sort in one round; times a screen is drawn.
TIMES = 5
#: what a person asks for: each finds other agents than the one before, so that nothing is known of it yet.
ASKED: dict[str, dict[str, Any]] = {
    "filter": {"filter": "1{}"},
    "expression": {"filter": "^counter/.*{}[0-9]$"},
    "worker": {"sort": "worker", "filter": "{}", "is_descending": True},
    "doing": {"sort": "mailbox", "filter": "{}", "is_descending": True},
}


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: windows among few, windows among many, then the drawing of one among many."""
    times = size.pick(TIMES, 1)
    async with _engine() as few, _engine() as many:
        await few.spawn(Counter, FEW)
        await many.spawn(Counter, size.pick(AGENTS, FEW))
        for number in range(size.runs):
            bare, _ = await _windows(few, times, number)
            longest, held = await _windows(many, times, number)
            frame, first = await _frames(many, size.pick(3, 1))
            yield {
                "window": Reading(longest, bare, times * len(ASKED)),
                "held": Reading(held, None, times * len(ASKED)),
                "frame": Reading(frame, None, size.pick(3, 1)),
                "first": Reading(first, None, 1),
            }


def _engine() -> Engine:
    """An engine with three workers in two pools."""
    from engine import Engine

    pools = [PoolSpec("p1", agents=AGENTS), PoolSpec("p2", agents=AGENTS, workers=2)]
    return Engine(kinds=[Counter], pools=pools, agents_limit=2 * AGENTS, durability="memory")


async def _windows(engine: Engine, times: int, number: int) -> tuple[float, float]:
    """Milliseconds of the slowest sort of window, in the middle of its times; and for which the loop was held at most."""
    gaps: list[float] = []
    beside = asyncio.ensure_future(_beside(gaps))
    spent: dict[str, list[float]] = {name: [] for name in ASKED}
    for at in range(times):
        for name, asked in ASKED.items():
            facts = {**asked, "filter": str(asked["filter"]).replace("{}", str((number * times + at) % 10))}
            start = time.perf_counter()
            await engine.agents(**facts, limit=WINDOW)
            spent[name].append((time.perf_counter() - start) * 1e3)
    beside.cancel()
    return max(map(median, spent.values())), max(gaps) * 1e3


async def _beside(gaps: list[float]) -> None:
    """Note for how long nothing else had its turn."""
    while True:
        start = time.perf_counter()
        await asyncio.sleep(0)
        gaps.append(time.perf_counter() - start)


class _Here:
    """The engine as the source of a dashboard, without a socket between."""

    name = "engine"
    is_live, is_file = True, False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ask(self, verb: str, **facts: Any) -> Any:
        """What the screen of agents asks."""
        return await self._engine.agents(**facts) if verb == "agents" else self._engine.overview().as_dict()

    async def past(self) -> None:
        """Nothing was recorded."""

    async def at(self, time_s: float) -> dict[str, Any]:
        """Nothing was."""
        raise LookupError(time_s)

    async def close(self) -> None:
        """There is no connection."""


async def _frames(engine: Engine, times: int) -> tuple[float, float]:
    """Milliseconds in which a new window is laid out and drawn whole: the middle of some, and the first."""
    from engine.dashboard.app import Dashboard
    from engine.dashboard.rows import Rows

    spent = []
    app = Dashboard(_Here(engine))
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press("3")
        while not (app.screen.query(Rows) and app.screen.query_one(Rows).row_count):
            await pilot.pause(0.02)
        for _ in range(times):
            gc.collect()
            await pilot.press("n")
            app.tick()
            await app.workers.wait_for_complete()
            start = time.perf_counter()
            app._show()
            app.screen._compositor.render_strips()
            spent.append((time.perf_counter() - start) * 1e3)
    return median(spent), spent[0]


WORKLOAD = Workload(
    name="agents",
    about="a window of 200 agents among 100,000: chosen, and drawn",
    metrics=(
        Metric("window", "ms", "the slowest way to choose", against="among 1,000 agents", reach="≤ 50 ms"),
        Metric("held", "ms", "the loop, at most", reach="a few ms"),
        Metric("frame", "ms", "the screen drawn anew", reach="≤ 50 ms"),
        Metric("first", "ms", "the first time", reach="≤ 50 ms"),
    ),
    rounds=rounds,
    runs=3,
)
