"""What the measurements share when pytest runs them: one event loop and one engine a module, sizes of a second or less."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
import uvloop

from bench import swarm
from bench.tasks import Passes, TaskList, mixed_tasks
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from engine import Engine

#: tasks of one round.
TASKS = 50_000

#: rounds of a measurement that counts tasks.
ROUNDS = 5


def repeat(benchmark: BenchmarkFixture, run: Callable[[], object], rounds: int) -> None:
    """Measure `run` so many times; where it is more than once, a first time is not counted."""
    benchmark.pedantic(run, rounds=rounds, warmup_rounds=int(rounds > 1))  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The loop that a module's measurements run on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="module")
def engine(runner: asyncio.Runner) -> Iterator[Engine]:
    """An engine with the counters of the workloads."""
    engine = swarm.engine_of()
    runner.run(engine.start())
    try:
        runner.run(swarm.spawn_counters(engine))
        gc.collect()
        gc.freeze()
        yield engine
    finally:
        gc.unfreeze()
        runner.run(engine.stop())


@pytest.fixture(scope="module")
def tasks() -> TaskList:
    """The tasks of one round."""
    return mixed_tasks(TASKS)


@pytest.fixture(scope="module")
def passes(tasks: TaskList) -> Passes:
    """The passes of the module's engine over the tasks."""
    return Passes(tasks)


@pytest.fixture(params=["raw", "rows"])
def yardstick(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[Yardstick]:
    """A yardstick that runs, in each form."""
    yardstick = Yardstick(request.param)
    runner.run(yardstick.__aenter__())
    try:
        yield yardstick
    finally:
        runner.run(yardstick.__aexit__())
