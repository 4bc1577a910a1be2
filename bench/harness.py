"""Runs workloads and hands their figures on. It owns the event loop and the state of the garbage collector around a workload;
what is measured belongs to the workload, how it is shown to the report."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import uvloop

from bench.figures import figures_of

if TYPE_CHECKING:
    from bench.figures import Figure
    from bench.workload import Size, Workload

__all__ = ["measure"]


def measure(workload: Workload, size: Size) -> list[Figure]:
    """The figures of one workload, in the order of its metrics.

    Raises what the workload raises: a wrong reply is no figure.
    """
    gc.collect()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measured(workload, size))


async def _measured(workload: Workload, size: Size) -> list[Figure]:
    rounds = [each async for each in workload.rounds(size)]
    return figures_of(workload.name, workload.metrics, rounds)
