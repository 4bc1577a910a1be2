"""The other workloads as `--quick` runs them: each measures all of its metrics, with no process left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from bench.conftest import repeat
from bench.figures import figures_of
from bench.workload import Size, find_workload

if TYPE_CHECKING:
    import asyncio

    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.figures import Reading
    from bench.workload import Workload

#: workloads whose one reading is itself a run of processes from start to end.
WHOLE = (
    *("spawn", "million", "density", "startup", "idle", "rewind", "wire", "recovery", "coldstart", "growth", "disk", "lz4"),
    *("deadlock", "foresight", "cluster"),
    *("planning", "sprint", "sprints", "receipts"),
)


@pytest.mark.benchmark(group="whole")
@pytest.mark.parametrize("name", WHOLE)
def test_a_workload_measures_all_of_its_metrics(benchmark: BenchmarkFixture, runner: asyncio.Runner, name: str) -> None:
    workload = find_workload(name)
    rounds: list[dict[str, Reading]] = []
    repeat(benchmark, lambda: rounds.append(runner.run(_one_round(workload))), 1)
    figures = figures_of(name, workload.metrics, rounds)
    benchmark.extra_info.update({figure.metric.name: figure.value for figure in figures})
    assert not psutil.Process().children(recursive=True)


async def _one_round(workload: Workload) -> dict[str, Reading]:
    rounds = [dict(each) async for each in workload.rounds(Size(1, is_quick=True))]
    return rounds[0]
