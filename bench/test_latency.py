"""`latency` in short rounds: one task in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import swarm
from bench.conftest import ROUNDS, repeat
from bench.tasks import Passes, turn_tasks
from bench.yardstick import Yardstick

if TYPE_CHECKING:
    import asyncio

    from pytest_benchmark.fixture import BenchmarkFixture

    from engine import Engine

#: round trips of one round.
TRIPS = 500


@pytest.mark.benchmark(group="latency")
def test_the_yardstick_answers_one_at_a_time(benchmark: BenchmarkFixture, runner: asyncio.Runner, yardstick: Yardstick) -> None:
    parts = Yardstick.share(turn_tasks(TRIPS))
    benchmark.extra_info["trips"] = TRIPS
    repeat(benchmark, lambda: runner.run(yardstick.turns(parts)), ROUNDS)


@pytest.mark.benchmark(group="latency")
def test_the_engine_answers_one_at_a_time(benchmark: BenchmarkFixture, runner: asyncio.Runner, engine: Engine) -> None:
    passes = Passes(turn_tasks(TRIPS))
    benchmark.extra_info["trips"] = TRIPS
    repeat(benchmark, lambda: runner.run(swarm.ask_in_turn(engine, passes)), ROUNDS)
