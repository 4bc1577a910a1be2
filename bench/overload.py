"""`overload`: agents that wait 10 ms for each task, as many at once as make 10,000 tasks a second, and three times as many
come, whatever becomes of them: an open loop with priorities, each task of use for a quarter of a second. What counts is what is
done in time, and that who is refused hears it at once."""

from __future__ import annotations

import asyncio
import gc
import os
from array import array
from random import Random
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading, percentile
from bench.sleeper import Sleeper
from bench.workload import Size, Workload
from engine import Engine, PoolSpec
from pools.errors import Overloaded
from pools.pool import pss_bytes
from pools.quota import Quota, Quotas

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Mapping

    from engine.senders import Sender

__all__ = ["WORKLOAD"]

#: agents, tasks that they may have at once (10,000 a second, with the way there and back), and seconds that each takes.
AGENTS, AT_ONCE, TASK_S = 2_000, 135, 0.01
#: tasks a second of the flood, and seconds for which each is of use.
RATE, DEADLINE_S = 30_000, 0.25
#: of a hundred tasks, those of each priority.
MIX = {"critical": 5, "high": 15, "normal": 40, "low": 40}
#: seconds of the flood, and of the part before it that does not count, of the closed loop that finds the capacity; tasks a
#: second where nothing else is on.
SECONDS, QUICK_SECONDS = 60, 5
SETTLE_S, CLOSED_S, UNLOADED_RATE = 1.0, 3.0, 100
#: seconds between two looks at what is due.
TICK_S = 0.002
#: seconds by which the sending may be behind in the end.
BEHIND_S = 0.25
#: tasks that are sent in one turn of the loop, however many are due.
MOST_AT_ONCE = 50


class _Flood:
    """Sends tasks when they are due, and counts what becomes of them in room taken beforehand."""

    def __init__(self, engine: Engine, seed: int, most: int, mix: Mapping[str, int] = MIX) -> None:
        senders = [engine.sender(priority=name) for name in mix]
        self._mix = Random(seed).choices(list(enumerate(senders)), list(mix.values()), k=9_973)
        self.in_time = [0] * len(MIX)
        self.late = self.refused = 0
        self.critical_s = array("d", bytes(8 * most))
        self.criticals = 0
        self.refusal_s = array("d", bytes(8 * most))
        self._loop = asyncio.get_running_loop()
        self._open = 0
        #: seconds by which the sending was behind in the end.
        self.behind_s = 0.0

    async def run(self, rate: float, seconds: float) -> None:
        """So many tasks a second; returns once all have ended."""
        loop, began_s, count = self._loop, self._loop.time(), 0
        while (now_s := loop.time() - began_s) < seconds:
            due = int(now_s * rate) - count
            for _ in range(min(due, MOST_AT_ONCE)):
                number, sender = self._mix[count % len(self._mix)]
                self._send(number, sender, began_s + count / rate)
                count += 1
            await asyncio.sleep(TICK_S if due <= MOST_AT_ONCE else 0)
        self.behind_s = max(seconds - count / rate, 0.0)
        while self._open:
            await asyncio.sleep(TICK_S)

    def _send(self, number: int, sender: Sender, due_s: float) -> None:
        self._open += 1
        sent_s = self._loop.time()
        future = sender.ask("sleeper", "rest", 0, 0.0, TASK_S, timeout_s=DEADLINE_S)
        future.add_done_callback(lambda done: self._end(number, due_s, sent_s, done))

    def _end(self, number: int, due_s: float, sent_s: float, done: Future[object]) -> None:
        self._open -= 1
        now_s, error = self._loop.time(), done.exception()
        if error is None:
            if now_s - due_s <= DEADLINE_S:
                self.in_time[number] += 1
            else:
                self.late += 1
            if number == 0 and self.criticals < len(self.critical_s):
                self.critical_s[self.criticals] = now_s - due_s
                self.criticals += 1
        elif isinstance(error, Overloaded):
            if self.refused < len(self.refusal_s):
                self.refusal_s[self.refused] = now_s - sent_s
            self.refused += 1
        else:
            self.late += 1

    def p99_ms(self, times: array[float], count: int) -> float:
        """The 99th percentile of the first of some times, in milliseconds."""
        return percentile([int(each * 1e6) for each in times[: min(count, len(times))]], 0.99) / 1e3


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: nothing else on, the closed loop, the flood, in one engine."""
    seconds = size.pick(SECONDS, QUICK_SECONDS)
    for seed in range(size.runs):
        limits = Quotas(kinds={Sleeper.kind: Quota(concurrency=AT_ONCE)})
        async with Engine(kinds=[Sleeper], pools=[PoolSpec("p1", agents=AGENTS)], limits=limits) as engine:
            await engine.spawn(Sleeper, AGENTS)
            yield await _measure(engine, seed, seconds)


async def _measure(engine: Engine, seed: int, seconds: float) -> dict[str, Reading]:
    alone = _Flood(engine, seed, int(UNLOADED_RATE * CLOSED_S) + 1, {"critical": 1})
    await alone.run(UNLOADED_RATE, CLOSED_S)
    capacity = await _closed(engine, seed)
    flood = _Flood(engine, seed, int(RATE * seconds))
    gc.collect()
    gc.freeze()
    await _Flood(engine, seed, int(RATE * SETTLE_S)).run(RATE, SETTLE_S)
    memory = asyncio.create_task(_slope(engine, seconds))
    await flood.run(RATE, seconds)
    slope = await memory
    done = sum(flood.in_time)
    gc.unfreeze()
    unloaded_ms = alone.p99_ms(alone.critical_s, alone.criticals)
    if flood.behind_s > BEHIND_S:
        raise ValueError(f"the tasks could not be sent in time: {flood.behind_s:.2f} s behind; is the machine busy?")
    return {
        "in_time": Reading(done / seconds, capacity, int(RATE * seconds)),
        "critical_p99": Reading(flood.p99_ms(flood.critical_s, flood.criticals), unloaded_ms, flood.criticals),
        "refusal_p99": Reading(flood.p99_ms(flood.refusal_s, flood.refused), None, flood.refused),
        "late": Reading(flood.late / (RATE * seconds), None, flood.late),
        "memory_slope": Reading(slope * 100, None, int(seconds)),
    }


async def _closed(engine: Engine, seed: int) -> float:
    """Tasks a second that are done where each that ends is followed by another."""
    loop, ended = asyncio.get_running_loop(), 0
    senders = Random(seed).choices([engine.sender(priority=name) for name in MIX], list(MIX.values()), k=3 * AT_ONCE)
    until_s = loop.time() + CLOSED_S

    async def go(sender: Sender) -> None:
        nonlocal ended
        while loop.time() < until_s:
            await sender.ask("sleeper", "rest", 0, 0.0, TASK_S)
            ended += 1

    began_s = loop.time()
    await asyncio.gather(*map(go, senders))
    return ended / (loop.time() - began_s)


async def _slope(engine: Engine, seconds: float) -> float:
    """How much memory grows in a minute, as a share: a line through looks at it each second, of the last three quarters."""
    looks: list[tuple[float, float]] = []
    loop, began_s = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    while loop.time() - began_s < seconds - 0.5:
        await asyncio.sleep(0.5)
        pids = [seat.pid for seat in engine.swarm.seats if seat.pid is not None]
        looks.append((loop.time() - began_s, float(sum(map(pss_bytes, [*pids, os.getpid()])))))
    looks = [look for look in looks if look[0] > seconds / 4]
    mean_s, mean_bytes = (sum(column) / len(looks) for column in zip(*looks, strict=True))
    rise = sum((at - mean_s) * (size - mean_bytes) for at, size in looks)
    return float(rise / sum((at - mean_s) ** 2 for at, _ in looks) * 60 / mean_bytes)


WORKLOAD = Workload(
    name="overload",
    about="three times as many tasks as can be done, with priorities and deadlines",
    metrics=(
        Metric("in_time", "tasks/s", "done within their deadline", "closed loop", "ratio ≥ 0.95"),
        Metric("critical_p99", "ms", "critical tasks, from when they were due", "nothing else on", "ratio ≤ 2"),
        Metric("refusal_p99", "ms", "from the asking to the refusal", "", "≤ 5"),
        Metric("late", "share", "of all tasks, expired or done too late", ""),
        Metric("memory_slope", "%/min", "of the engine and its worker, the measuring included", "", "≤ 1"),
    ),
    rounds=rounds,
    runs=1,
)
