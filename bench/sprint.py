"""`sprint`: a backlog of tasks of 200 µs of cpu, planned, done, judged and written into its ledger, beside the same tasks as a
single `map`. What counts is how much longer it takes, and what it costs the engine's process."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.burner import Burner, burn, turns_of
from bench.figures import Metric, Reading
from bench.folder import own_folder
from bench.workload import Size, Workload
from engine import Engine, PoolSpec
from sprints.verification import verify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD"]

TASKS, QUICK_TASKS = 50_000, 2_000
#: seconds of cpu of one task.
TASK_S = 200e-6
#: tasks an agent, which is what a first sprint takes.
TASKS_AN_AGENT = 10
WORKERS = 2


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: the tasks by `map`, then as a sprint."""
    count = size.pick(TASKS, QUICK_TASKS)
    turns = turns_of(TASK_S)
    agents = count // TASKS_AN_AGENT
    pool = PoolSpec("bench", agents=agents, workers=WORKERS, sleep_after_s=None)
    for _ in range(size.runs):
        with own_folder() as folder:
            async with Engine(kinds=[Burner], pools=[pool], durability="memory") as engine:
                await engine.spawn(Burner, agents)
                async for _batch in engine.map_batches([(f"burner/{at}", "burn", turns) for at in range(agents)]):
                    pass
                map_s, map_cpu_s = await _mapped(engine, agents, count, turns)
                sprint_s, sprint_cpu_s = await _sprinted(engine, folder, agents, count, turns)
        yield {
            "longer": Reading(sprint_s / map_s - 1, None, count),
            "cpu": Reading(1e6 * (sprint_cpu_s - map_cpu_s) / count, 1e6 * map_cpu_s / count, count),
            "map": Reading(count / map_s, WORKERS / TASK_S, count),
        }


async def _mapped(engine: Engine, agents: int, count: int, turns: int) -> tuple[float, float]:
    """Seconds, and those of this process's cpu."""
    tasks = [(f"burner/{at % agents}", "burn", turns) for at in range(count)]
    values: list[Any] = []
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    async for batch in engine.map_batches(tasks):
        values += batch.values
    found = time.perf_counter() - start, time.process_time() - cpu
    if values != [burn(turns)] * count:
        raise ValueError("not every task answered what it must")
    return found


async def _sprinted(engine: Engine, folder: str, agents: int, count: int, turns: int) -> tuple[float, float]:
    """The same of a sprint, its report included."""
    row = {
        "schema": "engine.backlog/v1",
        "name": "bench",
        "roles": {"burner": {"kind": "burner", "agents": agents}},
        "tasks": [{"id": f"t{at}", "role": "burner", "method": "burn", "args": [turns]} for at in range(count)],
    }
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    (told,) = await engine.sprint(row, folder=folder)
    found = time.perf_counter() - start, time.process_time() - cpu
    verdicts = told["sprint"]["verdicts"]
    wrong = verify(str(Path(folder, "sprints", told["sprint"]["id"])), is_over=True)
    if verdicts != {"done": count} or wrong:
        raise ValueError(f"not all of {count} tasks are done: {verdicts}; {wrong[:3]}")
    return found


WORKLOAD = Workload(
    name="sprint",
    about="50,000 tasks of 200 µs of cpu, as a sprint and as a map, agents in memory, the ledger on the disk",
    metrics=(
        Metric("longer", "", "time of the sprint / time of the map - 1", reach="≤ 0.25"),
        Metric("cpu", "µs", "of the engine's process, a task, beyond that of the map", against="map", reach="≤ 5 µs"),
        Metric("map", "tasks/s", "the same tasks as a map", against="ideal"),
    ),
    rounds=rounds,
    runs=3,
)
