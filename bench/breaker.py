"""`breaker`: how soon a breaker opens after a pool starts to fail, and closes after it is well again. Tasks come at a steady
rate for a kind in two pools; those of the first pool's agents fail for a while. Times are those of the breaker's own events."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading
from bench.pacer import pace
from bench.sleeper import Sleeper
from bench.workload import Size, Workload
from engine import BreakerSpec, Engine, PoolSpec

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator

    from pools.events import Event

__all__ = ["WORKLOAD"]

#: agents of each of the two pools, tasks a second.
AGENTS, RATE = 50, 500
#: seconds for which the pool works, fails, and works again.
WELL_S, ILL_S, AGAIN_S = 2.0, 5.0, 8.0
QUICK_ILL_S, QUICK_AGAIN_S = 1.5, 4.0
SPEC = BreakerSpec()


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: one life of the pool."""
    for _ in range(size.runs):
        ill_s, again_s = (QUICK_ILL_S, QUICK_AGAIN_S) if size.is_quick else (ILL_S, AGAIN_S)
        yield await _live(ill_s, again_s)


async def _live(ill_s: float, again_s: float) -> dict[str, Reading]:
    heard: list[tuple[str, float]] = []

    def hear(event: Event) -> None:
        if event.name.startswith("breaker.") and event.text.startswith("sleeper in pool p1"):
            heard.append((event.name, time.monotonic()))

    pools = [PoolSpec(f"p{number}", agents=AGENTS) for number in (1, 2)]
    async with Engine(kinds=[Sleeper], pools=pools, breaker=SPEC, on_event=hear) as engine:
        await engine.spawn(Sleeper, 2 * AGENTS)
        below = 0

        def send() -> Future[object]:
            return engine.ask("sleeper", "fail", below)

        async def change() -> tuple[float, float]:
            nonlocal below
            await asyncio.sleep(WELL_S)
            below, fell_s = AGENTS, time.monotonic()
            await asyncio.sleep(ill_s)
            below = 0
            return fell_s, time.monotonic()

        (fell_s, rose_s), sent = await asyncio.gather(change(), pace(send, RATE, WELL_S + ill_s + again_s))
    opened_s = next((at for name, at in heard if name == "breaker.opened"), None)
    closed_s = next((at for name, at in heard if name == "breaker.closed" and at >= rose_s), None)
    if opened_s is None or opened_s < fell_s or closed_s is None:
        raise ValueError(f"the breaker did not open and close as it should: {heard}")
    openings = sum(name == "breaker.opened" and at < closed_s for name, at in heard)
    interval_s = min(SPEC.open_s * 2 ** (openings - 1), SPEC.open_most_s) * (1 + SPEC.jitter)
    failed = sum(isinstance(value, Exception) for _, _, value in sent)
    return {
        "opens": Reading(opened_s - fell_s, SPEC.window_s, len(sent)),
        "closes": Reading(closed_s - rose_s, interval_s, len(sent)),
        "failed": Reading(failed, None, len(sent)),
    }


WORKLOAD = Workload(
    name="breaker",
    about="a pool starts to fail, and is well again",
    metrics=(
        Metric("opens", "s", "from the first task that fails", "one window", "ratio ≤ 1"),
        Metric("closes", "s", "from when no task fails any more", "one probe interval", "ratio ≤ 1"),
        Metric("failed", "tasks", "that failed meanwhile, probes among them", ""),
    ),
    rounds=rounds,
    runs=5,
)
