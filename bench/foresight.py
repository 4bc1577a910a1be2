"""`foresight`: agents that fail for causes that are drawn from a seed, and agents that fail by chance alone. What foresight
says of itself is measured on both; every failure is one of a real agent."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from bench.figures import Metric, Reading
from bench.flawed import METHODS, Flawed
from bench.tasks import SEED
from bench.workload import Size, Workload
from engine import Engine, PoolSpec
from pools.breaker import BreakerSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD", "flaws_of", "tasks_of"]

#: tasks of one round, of either sort.
TASKS = 60_000
QUICK_TASKS = 25_000

AGENTS = 48
POOLS = tuple(PoolSpec(name) for name in ("one", "two"))

#: one task in so many is a list that is added up.
SUMS = 12


def flaws_of(rng: Random, agents: int) -> tuple[list[dict[str, float]], int]:
    """How often each method of each agent fails, and the items that all of them can take.

    Each method has some agents that nearly always fail at it; the others do now and then.
    """
    flaws: list[dict[str, float]] = [{} for _ in range(agents)]
    for method in METHODS:
        usual, bad = rng.uniform(0.0, 0.05), rng.uniform(0.2, 0.5)
        for each in flaws:
            each[method] = rng.uniform(0.85, 1.0) if rng.random() < bad else usual
    return flaws, rng.randrange(50, 200)


def noise_of(rng: Random, agents: int) -> tuple[list[dict[str, float]], int]:
    """The same for chance alone: a method fails as often wherever it runs, and nothing is too large."""
    shared = {method: rng.uniform(0.2, 0.8) for method in METHODS}
    return [shared for _ in range(agents)], 10**6


def tasks_of(rng: Random, count: int, capacity: int) -> list[tuple[Any, ...]]:
    """Tasks for the kind, in any order: numbers for its methods, and lists of which some are too long."""
    tasks: list[tuple[Any, ...]] = []
    for number in range(count):
        if number % SUMS:
            tasks.append(("flawed", rng.choice(METHODS), number))
        else:
            items = rng.choice((capacity // 8, capacity // 2, capacity * 2, capacity * 3))
            tasks.append(("flawed", "total", list(range(items))))
    rng.shuffle(tasks)
    return tasks


async def report_of(seed: int, count: int, *, is_noise: bool) -> dict[str, Any]:
    """What foresight says after so many tasks. Raises ValueError where its counts are not those of the results."""
    rng = Random(seed)
    flaws, capacity = (noise_of if is_noise else flaws_of)(rng, AGENTS)
    tasks = tasks_of(rng, count, min(capacity, 200))
    failed = 0
    # As shipped; but where chance alone decides, breakers would cut off what is to be looked at.
    breaker = BreakerSpec(is_on=not is_noise)
    async with Engine(kinds=[Flawed], pools=POOLS, seed=seed, breaker=breaker) as engine:
        await engine.spawn(Flawed, AGENTS)
        for number, flaw in enumerate(flaws):
            await engine.ask(f"flawed/{number}", "suffer", flaw, capacity, seed)
        async for batch in engine.map_batches(tasks):
            failed += len(batch.failures)
        report = engine.foresight.report()
        counts = engine.stats().tasks
    if report["judged"] != count or counts["failed"] != failed or counts["done"] != count - failed + AGENTS:
        raise ValueError(f"seed {seed}: {report['judged']} judged of {count}, {counts} with {failed} failed results")
    return report


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: tasks with causes, then tasks without; each has a seed of its own."""
    count = size.pick(TASKS, QUICK_TASKS)
    for number in range(size.runs):
        seed = SEED + number if size.seed is None else size.seed + number
        caused = await report_of(seed, count, is_noise=False)
        noise = await report_of(seed, count, is_noise=True)
        yield {
            "failures": Reading(-100.0 * (caused["lift"] or 0.0), 100.0, caused["treated"]["tasks"]),
            "p": Reading(caused["p"], None, caused["control"]["tasks"]),
            "ece": Reading(caused["ece"], None, count),
            "noise": Reading(float(noise["verdict"] == "no lift"), None, count),
            "noise ece": Reading(noise["ece"], None, count),
        }


WORKLOAD = Workload(
    name="foresight",
    about="tasks for a kind whose agents fail for causes, and by chance alone",
    metrics=(
        Metric("failures", "%", "of risky tasks, treated against the control group", against="control", reach="-40 or less"),
        Metric("p", "", "that this is chance", reach="< 0.01"),
        Metric("ece", "", "expected calibration error of what was forecast", reach="≤ 0.05"),
        Metric("noise", "", "1: it says `no lift` where failures are chance", reach="1"),
        Metric("noise ece", "", "the calibration error there", reach="≤ 0.05"),
    ),
    rounds=rounds,
    runs=3,
)
