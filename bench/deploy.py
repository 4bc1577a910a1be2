"""`deploy`: new code for 5,000 agents that keep their state on the disk and are asked at half of what they can do, and the way
back; then code of which every tenth task fails. The load is an open loop over everything, each task timed from when it was due;
what the agents have been given in the end is held against what was answered."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading, percentile
from bench.folder import own_folder
from bench.pacer import pace
from bench.tasks import SEED
from bench.workload import Size, Workload
from engine import Engine, PoolSpec
from pools.errors import TaskFailed

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator

    from bench.pacer import Sent

__all__ = ["WORKLOAD"]

#: agents, and workers: one of them is the canary's tenth.
AGENTS, QUICK_AGENTS, WORKERS, CANARY = 5_000, 500, 10, 0.1
#: callers that find out what can be done, and for how many seconds.
CALLERS, FULL_S, QUICK_FULL_S = 256, 2.0, 0.3
#: seconds of load before a deploy, and in all: the 10 s around it.
BEFORE_S, AROUND_S = 2.0, 10.0
QUICK_BEFORE_S, QUICK_AROUND_S = 0.2, 3.0
#: the share of the load at which code is deployed.
HALF = 0.5

SOURCE = """
from pools.agent import Agent


class Sluice(Agent):
    total: int = 0

    def add(self, n: int) -> int:
        {first}
        self.total += n
        return self.total
"""
GOOD, BETTER = "pass", "assert n >= 0"
BAD = "if (self.total + hash(self.key)) % 10 == 9 and n:\n            raise ValueError('every tenth')"


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: a good deploy and its way back under load, then a bad one, in an engine of its own each."""
    for _ in range(size.runs):
        with own_folder() as folder:
            yield {**await _good(size, Path(folder)), **await _bad(size, Path(folder))}


def _written(folder: Path, version: str, first: str) -> str:
    (folder / version).mkdir()
    (folder / version / "sluices.py").write_text(SOURCE.format(first=first))
    return str(folder / version)


def _engine(folder: Path, name: str) -> Engine:
    pool = PoolSpec("bench", agents=AGENTS, workers=WORKERS)
    first = _written(folder, f"{name}-1", GOOD)
    return Engine(kinds=["sluices:Sluice"], pools=[pool], durability="sync", data=folder / name, paths=[first])


async def _good(size: Size, folder: Path) -> dict[str, Reading]:
    async with _engine(folder, "good") as engine:
        agents = size.pick(AGENTS, QUICK_AGENTS)
        await engine.spawn("sluice", agents)
        added, rate = await _half(engine, size, agents)
        load = asyncio.create_task(_load(engine, size, agents, rate))
        await asyncio.sleep(QUICK_BEFORE_S if size.is_quick else BEFORE_S)
        stands = await engine.deploy("sluices", path=_written(folder, "good-2", BETTER), canary=CANARY)
        if stands["outcome"] != "rolled":
            raise ValueError(f"good code was not rolled: {stands['why']}")
        sent = await load
        began_s = time.monotonic()
        await engine.rollback_deploy()
        back_s = time.monotonic() - began_s
        failed = [each for each in sent if isinstance(each[2], Exception)]
        lost = added + len(sent) - len(failed) - await _total(engine, agents)
        return {
            "failed": Reading(len(failed) + abs(lost), None, len(sent)),
            "p99_around": Reading(
                percentile([int((end_s - due_s) * 1e6) for due_s, end_s, _ in sent], 0.99) / 1e3, None, len(sent)
            ),
            "back": Reading(back_s, None, WORKERS),
            "tasks_a_second": Reading(rate, None, len(sent)),
        }


async def _bad(size: Size, folder: Path) -> dict[str, Reading]:
    async with _engine(folder, "bad") as engine:
        agents = size.pick(AGENTS, QUICK_AGENTS)
        await engine.spawn("sluice", agents)
        added, rate = await _half(engine, size, agents)
        load = asyncio.create_task(_load(engine, size, agents, rate))
        await asyncio.sleep(QUICK_BEFORE_S if size.is_quick else BEFORE_S)
        began_s = time.monotonic()
        stands = await engine.deploy("sluices", path=_written(folder, "bad-2", BAD), canary=CANARY)
        seen_s = time.monotonic() - began_s
        sent = await load
        wrong = [each for each in sent if isinstance(each[2], Exception) and not isinstance(each[2], TaskFailed)]
        done = sum(not isinstance(each[2], Exception) for each in sent)
        if stands["outcome"] != "back" or added + done != await _total(engine, agents):
            raise ValueError(f"bad code was not taken back as it should: {stands}")
        return {
            "bad_share": Reading(stands["highest_share"], CANARY, len(sent)),
            "bad_back": Reading(seen_s, None, len(sent)),
            "bad_refused": Reading(len(wrong), None, len(sent)),
        }


async def _half(engine: Engine, size: Size, agents: int) -> tuple[int, float]:
    """How many tasks were done to find out what can be done, and half of that in tasks a second."""
    chance = Random(SEED)
    seconds = QUICK_FULL_S if size.is_quick else FULL_S
    until_s = time.monotonic() + seconds

    async def call() -> int:
        count = 0
        while time.monotonic() < until_s:
            await engine.ask(f"sluice/{chance.randrange(agents)}", "add", 1)
            count += 1
        return count

    done = sum(await asyncio.gather(*(call() for _ in range(CALLERS))))
    return done, HALF * done / seconds


async def _load(engine: Engine, size: Size, agents: int, rate: float) -> list[Sent]:
    chance = Random(SEED)

    def send() -> Future[object]:
        return engine.ask(f"sluice/{chance.randrange(agents)}", "add", 1)

    return await pace(send, rate, QUICK_AROUND_S if size.is_quick else AROUND_S)


async def _total(engine: Engine, agents: int) -> int:
    return sum(await asyncio.gather(*(engine.ask(f"sluice/{key}", "add", 0) for key in range(agents))))


WORKLOAD = Workload(
    name="deploy",
    about="new code for 5,000 agents of 10 workers at half load, state on the disk, and the way back; then bad code",
    metrics=(
        Metric("failed", "tasks", "that failed, or whose change was lost or made twice", reach="0"),
        Metric("p99_around", "ms", "tasks over the 10 s around it, from when they were due", reach="≤ 250"),
        Metric("back", "s", "until every worker has the old code again, by hand", reach="≤ 1"),
        Metric("tasks_a_second", "1/s", "the load: half of what 256 callers can have done"),
        Metric(
            "bad_share",
            "share",
            "of the agents that ran code of which every tenth task fails",
            "the canary's",
            "never above it",
        ),
        Metric("bad_back", "s", "from the order until the old code was back everywhere", reach="≤ 2"),
        Metric("bad_refused", "tasks", "that were refused meanwhile, as the breaker of the bad kind says"),
    ),
    rounds=rounds,
    runs=3,
)
