"""`wire`: bytes a message between the engine and its workers, when many tasks are under way and when one is, against the same
facts as a line of plain JSON each. The bytes are those that the workers count while real tasks run."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from bench import swarm
from bench.figures import Metric, Reading
from bench.tasks import Passes, TaskList, mixed_tasks, turn_tasks
from bench.workload import Size, Workload
from pools.gauges import BYTES_IN, BYTES_OUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from engine import Engine

__all__ = ["WORKLOAD", "json_bytes"]

TASKS = 200_000
QUICK_TASKS = 20_000

#: tasks that are sent one at a time.
SINGLE_TASKS = 1_000

#: seconds without a change after which the workers have counted all bytes; they count every 50 ms while they work.
STILL_S = 0.25


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: many tasks through `map_batches`, then one at a time; no time is taken."""
    many, single = mixed_tasks(size.pick(TASKS, QUICK_TASKS)), turn_tasks(SINGLE_TASKS)
    for _ in range(size.runs):
        yield await _moved("batch", swarm.map_batches, many) | await _moved("single", swarm.ask_in_turn, single)


async def _moved(form: str, verb: Callable[[Engine, Passes], Awaitable[object]], tasks: TaskList) -> dict[str, Reading]:
    """Bytes a task and bytes a result of a new engine that runs the tasks."""
    async with swarm.engine_of() as engine:
        await swarm.spawn_counters(engine)
        before = await _counted_bytes(engine)
        await verb(engine, Passes(tasks))
        after = await _counted_bytes(engine)
    count = len(tasks)
    return {
        f"{what}_{form}": Reading((late - early) / count, plain / count, count)
        for what, early, late, plain in zip(("task", "result"), before, after, json_bytes(tasks), strict=True)
    }


async def _counted_bytes(engine: Engine) -> tuple[int, int]:
    """Bytes to the workers and from them, once the counts stand still."""
    counted, still = (-1, -1), False
    while not still:
        now = tuple(sum(seat.cells[cell] for seat in engine.swarm.seats) for cell in (BYTES_IN, BYTES_OUT))
        still, counted = now == counted, (now[0], now[1])
        if not still:
            await asyncio.sleep(STILL_S)
    return counted


def json_bytes(tasks: TaskList) -> tuple[int, int]:
    """The bytes of the tasks and of their results as lines of plain JSON."""
    there = [
        {"id": number, "agent": address, "method": method, "args": args}
        for number, (address, method, *args) in enumerate(tasks.tasks)
    ]
    back = [{"id": number, "ok": True, "value": reply} for number, reply in enumerate(tasks.replies)]
    return _lines_bytes(there), _lines_bytes(back)


def _lines_bytes(lines: Sequence[object]) -> int:
    return sum(len(json.dumps(line)) + 1 for line in lines)


def _metric(name: str, about: str) -> Metric:
    return Metric(name, "bytes", about, against="plain JSON")


WORKLOAD = Workload(
    name="wire",
    about="bytes a message, frames of the engine against lines of JSON",
    metrics=(
        _metric("task_batch", "a task of many that are under way"),
        _metric("result_batch", "the result of a task of many"),
        _metric("task_single", "a task alone in its frame"),
        _metric("result_single", "a result alone in its frame"),
    ),
    rounds=rounds,
    runs=1,
)
