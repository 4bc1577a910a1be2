"""`cluster`: tasks that go to another node and back, one a call, against nats-py on the same server with the same sync setting;
and what it costs an engine's own work that it is a node of a cluster."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

from bench.daemon import NAME
from bench.figures import Metric, Reading
from bench.nodes import NODES, own_cluster
from bench.rawnats import RawNats
from bench.tasks import AGENTS, Passes, once_each, turn_tasks
from bench.workload import Size, Workload
from engine import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bench.nodes import Fabric
    from engine.cluster.sender import Sender

__all__ = ["WORKLOAD"]

#: tasks of one measurement between nodes: one an agent, since those that travel apart may overtake each other.
TASKS, QUICK_TASKS = AGENTS, 500
#: tasks in flight, each awaited by a coroutine of its own.
IN_FLIGHT = 500
#: seconds after which it is said that something was lost.
LOST_S = 120.0
#: agents that the engine's own work is on, beside those that the cluster asks; and passes over them in one measurement.
LOCAL_AGENTS = 5_000
LOCAL_PASSES, QUICK_LOCAL_PASSES = 40, 1


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: nats-py, then lone tasks, then many a call; then an engine's own work in the cluster, alone, alone, in it."""
    tasks = turn_tasks(size.pick(TASKS, QUICK_TASKS))
    passes = Passes(tasks)
    local = Passes(once_each(AGENTS, AGENTS + LOCAL_AGENTS, amount=1))
    local_passes = size.pick(LOCAL_PASSES, QUICK_LOCAL_PASSES)
    async with own_cluster(AGENTS + LOCAL_AGENTS) as fabric:
        await _local(fabric, local, 1)
        for _ in range(size.runs):
            raw, lone, batches = await _between(fabric, passes)
            clustered_s = await _local(fabric, local, local_passes)
            await fabric.part()
            alone_s = await _local(fabric, local, local_passes) + await _local(fabric, local, local_passes)
            await fabric.join()
            clustered_s += await _local(fabric, local, local_passes)
            many = 2 * local_passes * LOCAL_AGENTS
            yield {
                "lone": Reading(lone, raw, len(tasks)),
                "batches": Reading(batches, raw, len(tasks)),
                "local": Reading(many / clustered_s, many / alone_s, many),
            }


async def _between(fabric: Fabric, passes: Passes) -> tuple[float, float, float]:
    """Tasks a second between processes: by nats-py, by the cluster one a call, and many a call."""
    count = len(passes.tasks)
    async with RawNats(fabric.url, len(NODES)) as yardstick:
        raw_s = await yardstick.run(Passes(passes.tasks), IN_FLIGHT)
    async with fabric.sender() as sender:
        lone_s = await _lone(sender, passes)
        batches_s = await _batches(sender, passes)
    return count / raw_s, count / lone_s, count / batches_s


async def _lone(sender: Sender, passes: Passes) -> float:
    """Run each task once, a call each; returns the seconds, after all replies were checked."""
    got: list[Any] = [None] * len(passes.tasks)
    work = iter(enumerate(passes.tasks.tasks))
    gc.collect()
    start = time.perf_counter()
    await asyncio.gather(*(_asker(sender, work, got) for _ in range(IN_FLIGHT)))
    seconds = time.perf_counter() - start
    passes.check(got)
    return seconds


async def _asker(sender: Sender, work: Iterator[tuple[int, tuple[Any, ...]]], got: list[Any]) -> None:
    for number, task in work:
        [outcome] = await sender.run([task], timeout_s=LOST_S)
        got[number] = outcome.value if outcome.error is None else outcome.error


async def _batches(sender: Sender, passes: Passes) -> float:
    """Run all tasks in one call; returns the seconds, after all replies were checked."""
    gc.collect()
    start = time.perf_counter()
    outcomes = await sender.run(passes.tasks.tasks, timeout_s=LOST_S)
    seconds = time.perf_counter() - start
    passes.check([outcome.value if outcome.error is None else outcome.error for outcome in outcomes])
    return seconds


async def _local(fabric: Fabric, passes: Passes, count: int) -> float:
    """Have the engine of the first node do its own work, through its control socket; returns the seconds."""
    node = fabric.nodes[0]
    seconds = 0.0
    async with Client(name=NAME, environ=node.daemon.environ) as client:
        for _ in range(count):
            got: list[Any] = [None] * len(passes.tasks)
            start = time.perf_counter()
            async for result in client.map(passes.tasks.tasks):
                got[result.id] = result.value
            seconds += time.perf_counter() - start
            passes.check(got)
    return seconds


WORKLOAD = Workload(
    name="cluster",
    about="two nodes, one NATS server that syncs always",
    metrics=(
        Metric("lone", "tasks/s", "between nodes, one a call, 500 in flight", against="nats-py", reach="ratio ≥ 0.5"),
        Metric("batches", "tasks/s", "between nodes, all in one call", against="nats-py"),
        Metric("local", "tasks/s", "of one engine, clustered", against="unclustered", reach="ratio ≥ 0.95"),
    ),
    rounds=rounds,
    runs=3,
)
