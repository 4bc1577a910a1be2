"""The cells of the overview: what a person looks at first, each of them counted.

Owns what each cell means and how it follows from what was counted. Pure: a document of `stats` and what was measured over a
while go in, one document comes out, so that an overview can be made of any instant that was recorded. What is not known is
None, and never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SCHEMA", "Measured", "Overview", "overview"]

SCHEMA = "engine.overview/v1"


@dataclass(frozen=True, slots=True)
class Measured:
    """What no document of `stats` tells: over a window of time, by process, and of sprints. None is not known.

    active: agents that run, wait in a task, or have one queued.  per_min: tasks done in the last minute.
    efficiency: share of the workers' time in which they ran tasks.  cpu: share of the cores that this process may use.
    machine_bytes: the memory that there is.  The rest as in `Overview`.
    """

    active: int | None = None
    per_min: int | None = None
    efficiency: float | None = None
    cpu: float | None = None
    machine_bytes: int | None = None
    network_bytes_per_s: float | None = None
    disk_bytes_per_s: float | None = None
    sprint: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] | None = None
    impact: Mapping[str, int] | None = None
    top: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    rates: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overview:
    """What `overview` answers.

    sprint: id, phase, wave, speed, left_s (until it ends, in its own time), progress (items that have ended / planned), and
    next_in_s where another one follows; each None where no sprint runs.
    agents: total = active + idle + failed.  active: run, wait within a task, or have one queued, in their worker or before it
    (of more than 65,536 tasks at one worker the first ones are looked at).  failed: on trial or parked.
    tasks: accepted = queue + complete + failed + cancelled, of the same six counts as `stats`: queue is `open`, accepted and
    not ended, whether it waits or runs; failed is `failed` and `expired`.  success: complete / (complete + failed), None
    before anything ended.
    performance: tasks done, errors and recoveries of the last 60 s; efficiency: time in which workers ran tasks / (wall time
    x workers) of the same window, None where no worker was up.
    resources: cpu (share of the cores that the engine may use, by it and its workers), memory_bytes (proportional set size),
    memory (share of what the machine has, or the container), network_bytes_per_s (frames between engine and workers, and on
    the socket), disk_bytes_per_s (bytes that engine and workers have written), of the last 10 s.
    cost: by provider, in currency; total: their sum.  None where no price is configured.
    impact: features, tests, bugs_fixed and code_lines of the sprints that are kept, from their receipts; None where none was.
    top: agents that did most, at most three, with kind and done; counted: the share of tasks that were looked at for that,
    below 1.0 what they have done is a lower bound.
    alerts: level error, warning, info or ok; text; since_s (unix time) where that is known.
    rates: of each pool and worker, for screens that look closer.
    """

    time_s: float
    name: str
    version: str
    uptime_s: float
    durability: str
    sprint: dict[str, Any]
    agents: dict[str, int | None]
    tasks: dict[str, Any]
    performance: dict[str, Any]
    resources: dict[str, Any]
    cost: dict[str, Any]
    impact: dict[str, int | None]
    top: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    rates: dict[str, Any]
    schema: str = SCHEMA

    def as_dict(self) -> dict[str, Any]:
        """The overview as JSON values, the schema first."""
        return {"schema": self.schema, **{name: getattr(self, name) for name in self.__slots__ if name != "schema"}}


SPRINT = ("id", "phase", "wave", "speed", "left_s", "progress", "next_in_s")
IMPACT = ("features", "tests", "bugs_fixed", "code_lines")
#: What stands where nobody pays for anything.
FREE = {"currency": None, "providers": {"local": None}, "total": None}
WELL = {"level": "ok", "text": "All systems operational"}


def overview(stats: Mapping[str, Any], seen: Measured) -> Overview:
    """The cells. stats: a document of `stats`.  seen: what was measured at the same moment."""
    sprint, impact, healing = seen.sprint or {}, seen.impact or {}, stats["healing"]
    used_bytes = stats["memory_bytes"]["total"]
    return Overview(
        time_s=stats["time_s"],
        name=stats["name"],
        version=stats["version"],
        uptime_s=stats["uptime_s"],
        durability=stats["durability"],
        sprint={key: sprint.get(key) for key in SPRINT},
        agents=_agents(stats["agents"]["total"], healing["sick"], seen.active),
        tasks=_tasks(stats["tasks"]),
        performance={
            "tasks_per_min": seen.per_min,
            "errors_per_min": healing["errors_per_min"],
            "recoveries_per_min": healing["recoveries_per_min"],
            "efficiency": seen.efficiency,
        },
        resources={
            "cpu": seen.cpu,
            "memory_bytes": used_bytes,
            "memory": used_bytes / seen.machine_bytes if seen.machine_bytes else None,
            "network_bytes_per_s": seen.network_bytes_per_s,
            "disk_bytes_per_s": seen.disk_bytes_per_s,
        },
        cost=dict(seen.cost or FREE),
        impact={key: impact.get(key) for key in IMPACT},
        top=[dict(row) for row in seen.top],
        alerts=[dict(alert) for alert in seen.alerts] or [dict(WELL)],
        rates=dict(seen.rates),
    )


def _agents(total: int, failed: int, active: int | None) -> dict[str, int | None]:
    """Each agent in one of three; who is in quarantine is that, whatever else it does."""
    failed = min(failed, total)
    if active is None:
        return {"total": total, "active": None, "idle": None, "failed": failed}
    active = min(active, total - failed)
    return {"total": total, "active": active, "idle": total - failed - active, "failed": failed}


def _tasks(tasks: Mapping[str, int]) -> dict[str, Any]:
    complete, failed = tasks["done"], tasks["failed"] + tasks["expired"]
    return {
        "accepted": tasks["accepted"],
        "queue": tasks["open"],
        "complete": complete,
        "failed": failed,
        "cancelled": tasks["cancelled"],
        "success": complete / (complete + failed) if complete + failed else None,
    }
