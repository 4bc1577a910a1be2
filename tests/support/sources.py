"""A source whose answers a test has planted, and whose clock it holds."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import Any

from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from engine.dashboard.source import Past
from engine.errors import NotRecorded, NotRunning

__all__ = ["NOW_S", "OVERVIEW", "PS", "SPRINTS", "PlantedSource", "busy", "overview_at", "settled", "sprint", "worker"]

#: 2026-11-22 10:54:07 UTC.
NOW_S = 1_795_344_847.0


class PlantedSource:
    """Answers verbs from `documents`: a value, an error to raise, or a function of the facts.

    `asked` has every question in its order.  While `gate` is set to an event, answers wait for it.
    """

    def __init__(self, **documents: Any) -> None:
        self.name = "engine"
        self.is_live = True
        self.is_file = False
        self.documents: dict[str, Any] = {verb.replace("_", "-"): value for verb, value in documents.items()}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.recorded: dict[float, dict[str, Any]] = {}
        #: Seconds without a recording that are a gap; None for none.
        self.gap_s: float | None = None
        self.now_s = NOW_S
        self.gate: asyncio.Event | None = None
        self.is_closed = False

    def clock(self) -> float:
        """The time of the test."""
        return self.now_s

    async def ask(self, verb: str, **facts: Any) -> Any:
        self.asked.append((verb, facts))
        if self.gate is not None:
            await self.gate.wait()
        if not self.is_live:
            raise NotRunning("no engine named 'engine' runs")
        value = self.documents.get(verb)
        if isinstance(value, Exception):
            raise value
        return value(**facts) if callable(value) else value

    async def past(self) -> Past | None:
        times = sorted(self.recorded)
        return Past(times[0], times[-1], len(times)) if times else None

    async def at(self, time_s: float) -> dict[str, Any]:
        times = [one for one in sorted(self.recorded) if one <= time_s]
        if not times:
            raise NotRecorded("nothing was recorded then")
        later = min((one for one in self.recorded if one > time_s), default=None)
        gap = (times[-1], later) if self.gap_s is not None and time_s - times[-1] > self.gap_s else None
        return {"time_s": times[-1], "gap": gap, **self.recorded[times[-1]]}

    async def close(self) -> None:
        self.is_closed = True


async def settled(pilot: Pilot[Any]) -> None:
    """Return when the questions of the moment are answered and what they changed is drawn."""
    await pilot.pause()
    pilot.app.tick()  # type: ignore[attr-defined]
    for worker in list(pilot.app.workers):
        if worker.group == "deeds" and pilot.app.screen.is_modal:
            continue  # it waits for what the test will answer
        with suppress(WorkerCancelled):  # curves of another time are wanted now
            await worker.wait()
    await pilot.pause()


def worker(name: str, **facts: Any) -> dict[str, Any]:
    """A worker's rates, some of them as given."""
    pool = name.partition("/")[0]
    return {
        "worker": name, "pool": pool, "state": "running", "reason": "", "restarts": 0,
        "breaker": "open" if pool == "p2" else "closed", "ticks_per_s": None if facts.get("state") else 1_204.0,
        "busy": None if facts.get("state") else 0.5,
        "agent": None, "method": None, "running_for_s": 0.0, "active": 10, "open": 12, "queue": 0, "done": 0, "failed": 0,
        **facts,
    }  # fmt: skip


#: What `ps` has beside that.
PS = [
    {"worker": f"p{pool}/{place}", "pid": 4_000 + 10 * pool + place, "memory_bytes": 24_000_000 + 1_000_000 * place,
     "reason": "killed by signal 9" if (pool, place) == (1, 2) else ""}
    for pool in (1, 2) for place in (0, 1, 2)
]  # fmt: skip
#: An overview in which every cell is known and differs from the others.
OVERVIEW: dict[str, Any] = {
    "schema": "engine.overview/v1",
    "time_s": NOW_S,
    "name": "engine",
    "version": "0.9.0",
    "uptime_s": 754.2,
    "durability": "sync",
    "sprint": {
        "id": "sp-20261122-003", "phase": "exec", "wave": 1, "speed": 1.0, "left_s": 461.0, "progress": 0.48,
        "next_in_s": None,
    },
    "agents": {"total": 1_247, "active": 1_198, "idle": 42, "failed": 7},
    "tasks": {"accepted": 9_094, "queue": 312, "complete": 8_654, "failed": 127, "cancelled": 1, "success": 8_654 / 8_781},
    "performance": {"tasks_per_min": 18_420, "errors_per_min": 3, "recoveries_per_min": 2, "efficiency": 0.874},
    "resources": {
        "cpu": 0.437, "memory_bytes": 1_240_000_000, "memory": 0.311, "network_bytes_per_s": 2_140_000.0,
        "disk_bytes_per_s": 431_000.0,
    },
    "cost": {"currency": "USD", "providers": {"claude": 0.42, "gpt-4": 0.28, "local": 0.0}, "total": 0.70},
    "impact": {"features": 3, "tests": 41, "bugs_fixed": 5, "code_lines": 1_204},
    "top": [
        {"agent": "frontend/342", "kind": "frontend", "done": 127, "counted": 1.0},
        {"agent": "backend/17", "kind": "backend", "done": 98, "counted": 0.5},
        {"agent": "tester/3", "kind": "tester", "done": 1, "counted": 1.0},
    ],
    "alerts": [
        {"level": "info", "text": "Next sprint in 07:41"},
        {"level": "warning", "text": "Pool p3 at 89% capacity", "since_s": NOW_S - 63},
        {"level": "error", "text": "Worker p1/2 is down: killed by signal 9", "since_s": NOW_S - 2},
    ],
    "rates": {
        "pools": [
            {
                "name": "p1", "state": "up", "agents": 624, "agents_limit": 5_000, "workers": 3, "open": 160, "done": 4_300,
                "failed": 100, "memory_bytes": 410_000_000, "memory_limit_bytes": 512_000_000, "breaker": "closed",
                "active": 600, "queue": 150, "busy": 0.91, "used": {"agents": 0.1248, "tasks": 0.0366, "memory": 0.89},
            },
            {
                "name": "p2", "state": "degraded", "agents": 623, "agents_limit": 5_000, "workers": 3, "open": 152,
                "done": 4_354, "failed": 27, "memory_bytes": 210_000_000, "memory_limit_bytes": None, "breaker": "open",
                "active": 598, "queue": 162, "busy": 0.38, "used": {"agents": 0.1246, "tasks": 0.0396},
            },
        ],
        "workers": [
            worker("p1/0", busy=0.98, agent="frontend/342", method="render", running_for_s=0.012, queue=80, done=1_500),
            worker("p1/1", busy=0.84, agent="backend/17", method="answer", running_for_s=3.2, queue=70, done=1_460, failed=98),
            worker("p1/2", state="down", reason="killed by signal 9", restarts=4, done=1_340, failed=2),
            worker("p2/0", busy=0.61, agent="tester/3", method="check", running_for_s=0.4, queue=162, done=2_000, failed=27),
            worker("p2/1", busy=0.0, done=1_254),
            worker("p2/2", busy=None, state="starting", restarts=1, done=1_100),
        ],
        "breakers": [{"name": "pool p2", "kind": None, "state": "open", "mode": "auto"}],
    },
}  # fmt: skip

_WAVES = [
    {"name": name, "steps": {"plan": minutes * 4.0, "exec": minutes * 48.0, "test": minutes * 4.0, "ship": minutes * 4.0}}
    for name, minutes in (("Quick Wins", 3), ("Core Features", 8), ("Polish & Test", 3), ("Ship & Learn", 1))
]


def _steps(until_s: float) -> list[dict[str, Any]]:
    """The steps of those waves up to a time; the second exec takes longer than planned."""
    steps, at_s = [], 0.0
    for number, wave in enumerate(_WAVES):
        for phase, planned_s in wave["steps"].items():
            took_s = planned_s + (60.0 if (number, phase) == (1, "exec") and until_s > 700 else 0.0)
            end_s = min(at_s + took_s, until_s)
            if at_s <= until_s:
                steps.append({"wave": number, "phase": phase, "planned_s": planned_s, "begin_s": at_s, "end_s": end_s})
            at_s = end_s if end_s < until_s else at_s + took_s
    return steps


def sprint(number: int, **facts: Any) -> dict[str, Any]:
    """A sprint as `sprints` tells it, some of it as given."""
    return {
        "id": f"sp-20261122-{number:03}", "backlog": "app", "state": "done", "began_s": NOW_S - 900 * (4 - number),
        "seconds": 870.0, "speed": 1.0, "agents": 600, "planned": 120, "verdicts": {"done": 120}, "carried": {},
        "releases": [{"release": f"{number:04}-20261122", "items": 120}], "not_shipped": [], "left_out": {},
        "rolled_back": None, "impact": {"efficiency": 0.874, "quality": 1.0, "velocity": 8.3, "ran_s": 4_310.0},
        "cost": {"currency": "USD", "total": 0.12}, "next": {}, "folder": "", "steps": _steps(870.0), "waves": _WAVES,
        "is_over": True, "now": None, **facts,
    }  # fmt: skip


#: Three sprints: one that runs, one that left some, one that is done; the newest first.
SPRINTS = [
    sprint(
        3, state="exec", seconds=438.0, verdicts={"done": 57, "failed": 1}, releases=[], steps=_steps(438.0), is_over=False,
        carried={"no time left": 3}, cost={}, now={"left_s": 461.0, "queued": 1},
    ),
    sprint(2, state="left some", planned=140, verdicts={"done": 120, "failed": 2, "unproven": 1},
           carried={"no time left": 12, "waits for what is not done": 5}, not_shipped=["hook 1 ended with 3"]),
    sprint(1, rolled_back="0000-20261121", state="rolled back"),
]  # fmt: skip


def overview_at(time_s: float, **facts: Any) -> dict[str, Any]:
    """The overview of a time, some of its parts as given, the counts of tasks as a swarm at work has them."""
    since = time_s - NOW_S
    done = int(8_654 + since * 18 + 40 * math.sin(since / 23) * 6)
    tasks = {**OVERVIEW["tasks"], "complete": max(done, 0), "queue": int(312 + 180 * math.sin(since / 31))}
    resources = {**OVERVIEW["resources"], "cpu": 0.437 + 0.2 * math.sin(since / 40)}
    performance = {**OVERVIEW["performance"], "errors_per_min": 3 + int(3 * math.sin(since / 17) ** 2)}
    return {**OVERVIEW, "time_s": time_s, "tasks": tasks, "resources": resources, "performance": performance, **facts}


def busy() -> PlantedSource:
    """A swarm at work, with what was recorded of its last five minutes."""
    source = PlantedSource(overview=OVERVIEW, ps=PS, sprints=SPRINTS)
    source.recorded = {NOW_S - at: {"overview": overview_at(NOW_S - at)} for at in range(1, 301)}
    return source
