"""`slowpool`: five pools whose agents wait 10 ms for each task, then one of the pools 200 ms, at half of what they can take.
What counts is what the other four pools' tasks feel of it: who is sent where is the balancer's choice alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading, percentile
from bench.pacer import Sent, pace
from bench.sleeper import Sleeper
from bench.workload import Size, Workload
from engine import Engine, PoolSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD"]

#: pools, agents of each, seconds that a task takes, and that it takes in the slow pool.
POOLS, AGENTS, USUAL_S, SLOW_S = 5, 10, 0.01, 0.2
#: tasks a second: half of what all agents could do if none was slow.
RATE = POOLS * AGENTS / USUAL_S / 2
#: seconds of one measurement.
SECONDS, QUICK_SECONDS = 10, 2


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: no pool slow, then the first one, in an engine of its own each."""
    seconds = size.pick(SECONDS, QUICK_SECONDS)
    for _ in range(size.runs):
        even = await _measure(0, seconds)
        slow = await _measure(AGENTS, seconds)
        rest = [each for each in slow if _number(each) >= AGENTS]
        before = [each for each in even if _number(each) >= AGENTS]
        yield {
            "p99_of_the_rest": Reading(_p99_ms(rest), _p99_ms(before), len(rest)),
            "p99_of_all": Reading(_p99_ms(slow), _p99_ms(even), len(slow)),
            "to_the_slow_pool": Reading((len(slow) - len(rest)) / len(slow), (len(even) - len(before)) / len(even), len(slow)),
        }


async def _measure(below: int, seconds: float) -> list[Sent]:
    pools = [PoolSpec(f"p{number}", agents=AGENTS) for number in range(POOLS)]
    async with Engine(kinds=[Sleeper], pools=pools) as engine:
        await engine.spawn(Sleeper, POOLS * AGENTS)
        send = partial(engine.ask, "sleeper", "rest", below, SLOW_S, USUAL_S)
        await pace(send, RATE, 1)
        return await pace(send, RATE, seconds)


def _number(sent: Sent) -> int:
    if isinstance(sent[2], Exception):
        raise sent[2]
    assert isinstance(sent[2], int)
    return sent[2]


def _p99_ms(sent: list[Sent]) -> float:
    return percentile([int((end_s - due_s) * 1e6) for due_s, end_s, _ in sent], 0.99) / 1e3


WORKLOAD = Workload(
    name="slowpool",
    about="5 pools, one 20 times slower, an open loop at half of what they can take",
    metrics=(
        Metric("p99_of_the_rest", "ms", "tasks of the other pools, from when they were due", "no slow pool", "ratio ≤ 1.3"),
        Metric("p99_of_all", "ms", "all tasks", "no slow pool"),
        Metric("to_the_slow_pool", "share", "of the tasks that the slow pool got", "no slow pool"),
    ),
    rounds=rounds,
    runs=5,
)
