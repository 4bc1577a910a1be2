"""`monitor`: what an engine at saturation pays for somebody who watches it, what the monitor itself takes, how long it draws
with 100,000 agents, and whether an hour of that makes it larger. With and without are a few seconds each, in turn."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.daemon import NAME, own_daemon
from bench.figures import Metric, Reading
from bench.pane import Pane
from bench.processes import cpu_ns
from bench.tasks import mixed_tasks
from bench.workload import Size, Workload
from bench.yardlink import ROOT
from engine import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bench.daemon import Daemon
    from bench.tasks import TaskList

__all__ = ["WORKLOAD"]

#: agents of the engine that is watched.
AGENTS, QUICK_AGENTS = 100_000, 1_000
#: their pools, a worker each.
POOLS = f"""\
agents: {2 * AGENTS}
pools:
  p1: {{agents: {AGENTS}}}
  p2: {{agents: {AGENTS}}}
"""
#: seconds of one part, with a monitor or without; and how many of each there are in a round.
PART_S, PARTS = 3.0, 20
QUICK_PART_S, QUICK_PARTS = 1.2, 2
#: seconds of work before anything is measured: every agent is made.
WARM_S = 3.0
#: seconds after which a monitor that was started has drawn its first screens.
OPEN_S = 3.0
#: tasks of one pass over the list, small enough that a part ends in time.
TASKS = 100_000
#: virtual seconds of use, and the seconds of the clock that they may take.
HOUR_S, QUICK_HOUR_S, LONGEST_S = 3_600, 60, 1_800.0


@dataclass(slots=True)
class _Spent:
    """Tasks that were done, and nanoseconds of cpu: of daemon and workers, and of the monitor; in seconds of the clock.

    drawn_bytes: what the monitor has drawn meanwhile.
    """

    tasks: int = 0
    engine_ns: int = 0
    monitor_ns: int = 0
    seconds: float = 0.0
    drawn_bytes: int = 0

    @property
    def per_cpu_s(self) -> float:
        """Tasks for a second of cpu."""
        return self.tasks / (self.engine_ns / 1e9)


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: parts without and with a monitor in turn, then an hour of virtual use."""
    with own_daemon() as daemon:
        daemon.spawn(size.pick(AGENTS, QUICK_AGENTS), daemon.pools(POOLS))
        pids = [process.pid for process in daemon.processes()]
        tasks = mixed_tasks(TASKS, agents=size.pick(AGENTS, QUICK_AGENTS))
        async with Client(name=NAME, environ=daemon.environ) as client:
            await _part(client, tasks, pids, WARM_S, _Spent())
            for _ in range(size.runs):
                without, watched = await _compared(daemon, client, tasks, pids, size)
                seen = await asyncio.to_thread(_hour, daemon, size.pick(HOUR_S, QUICK_HOUR_S))
                share = watched.monitor_ns / 1e9 / watched.seconds * 100
                grown = max(float(seen["last_bytes"]) - float(seen["settled_bytes"]), 0.0) / 1e6
                frames = int(seen["frames"])
                yield {
                    "tasks": Reading(watched.per_cpu_s, without.per_cpu_s, watched.tasks),
                    "monitor": Reading(share, None, round(watched.seconds)),
                    "frame": Reading(float(seen["p99_ms"]), None, frames),
                    "longest": Reading(float(seen["max_ms"]), None, frames),
                    "growth": Reading(grown, None, frames),
                    "memory": Reading(float(seen["last_bytes"]) / 1e6, None, frames),
                }


async def _compared(daemon: Daemon, client: Client, tasks: TaskList, pids: Sequence[int], size: Size) -> tuple[_Spent, _Spent]:
    """What tasks took without a monitor, and with one, which stands still in between: short parts that noise of the machine
    falls on alike. The order changes each time, so that no side is always the first."""
    without, watched = _Spent(), _Spent()
    part_s = QUICK_PART_S if size.is_quick else PART_S
    with Pane(daemon.environ) as pane:
        await asyncio.sleep(OPEN_S)
        for at in range(size.pick(PARTS, QUICK_PARTS)):
            for is_watched in (False, True) if at % 2 == 0 else (True, False):
                if is_watched:
                    pane.go_on()
                    await _part(client, tasks, pids, part_s, watched, pane)
                else:
                    pane.hold()
                    await _part(client, tasks, pids, part_s, without)
        pane.go_on()
        if watched.drawn_bytes == 0:
            raise ValueError("the monitor has drawn nothing")
    return without, watched


async def _part(
    client: Client, tasks: TaskList, pids: Sequence[int], part_s: float, spent: _Spent, pane: Pane | None = None
) -> None:
    """Some seconds at saturation. Raises ValueError for a task that was not done, OSError where the monitor has ended."""
    began_s, began_ns, began_pane_ns = time.perf_counter(), cpu_ns(pids), pane.cpu_ns if pane else 0
    drawn_bytes = pane.drawn_bytes if pane else 0
    while time.perf_counter() - began_s < part_s:
        done = 0
        async for batch in client.map_batches(tasks.tasks):
            done += len(batch)
        if done != len(tasks):
            raise ValueError(f"{done} replies to {len(tasks)} tasks")
        spent.tasks += done
    spent.seconds += time.perf_counter() - began_s
    spent.engine_ns += cpu_ns(pids) - began_ns
    if pane is not None:
        spent.monitor_ns += pane.cpu_ns - began_pane_ns
        spent.drawn_bytes += pane.drawn_bytes - drawn_bytes


def _hour(daemon: Daemon, seconds: int) -> dict[str, float]:
    """What a dashboard says of itself after so many virtual seconds. Raises OSError with what it said when it failed."""
    argv = [sys.executable, "-m", "bench.glass", str(seconds)]
    done = subprocess.run(argv, cwd=ROOT, env=daemon.environ, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()[-2_000:]}")
    seen: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seen


WORKLOAD = Workload(
    name="monitor",
    about="an engine at saturation that is watched, with 100,000 agents",
    metrics=(
        Metric("tasks", "tasks/cpu s", "of daemon and workers, watched", against="not watched", reach="ratio ≥ 0.99"),
        Metric("monitor", "% of a core", "the monitor's own process; n is seconds", reach="≤ 10 %"),
        Metric("frame", "ms", "cpu of a frame, 99th percentile, all screens", reach="≤ 50 ms"),
        Metric("longest", "ms", "the longest one, mostly a screen's first"),
        Metric("growth", "MB", "of its memory, from ten minutes to an hour of virtual use", reach="flat"),
        Metric("memory", "MB", "of its process then"),
    ),
    rounds=rounds,
    runs=3,
)
