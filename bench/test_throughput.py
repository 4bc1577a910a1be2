"""`throughput` in short rounds, each reply checked."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest

from bench import swarm
from bench.conftest import ROUNDS, TASKS, repeat
from bench.throughput import VERBS
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.tasks import Passes, TaskList
    from engine import Engine


@pytest.mark.benchmark(group="throughput")
def test_the_yardstick_answers_every_task(
    benchmark: BenchmarkFixture, runner: asyncio.Runner, yardstick: Yardstick, tasks: TaskList
) -> None:
    parts = Yardstick.share(tasks)
    _keep_rate(benchmark, lambda: runner.run(yardstick.run(parts)))


@pytest.mark.benchmark(group="throughput")
@pytest.mark.parametrize("verb", VERBS)
def test_the_engine_answers_every_task(
    benchmark: BenchmarkFixture, runner: asyncio.Runner, engine: Engine, passes: Passes, verb: str
) -> None:
    _keep_rate(benchmark, lambda: runner.run(VERBS[verb](engine, passes)))


def test_a_wrong_reply_is_no_figure(runner: asyncio.Runner, engine: Engine, passes: Passes) -> None:
    runner.run(_disturb(engine, passes))
    with pytest.raises(ValueError, match="returned"):
        runner.run(swarm.map_each(engine, passes))


def _keep_rate(benchmark: BenchmarkFixture, run: Callable[[], float]) -> None:
    """Measure `run`, and keep the rate of the seconds that it returns: the checks around them are no part of it."""
    seconds: list[float] = []
    repeat(benchmark, lambda: seconds.append(run()), ROUNDS)
    benchmark.extra_info["tasks_per_s"] = round(TASKS / median(seconds))


async def _disturb(engine: Engine, passes: Passes) -> None:
    await engine.ask(passes.tasks.calls[0][0], "add", 1)
