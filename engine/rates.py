"""Each pool and each worker, for those who look closer: what it does now, and how fast.

Owns the form of these facts. They are read from gauges and from what the engine knows of its workers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pools.gauges import BUSY_SINCE_NS, DONE, FAILED, WAITING
from pools.spec import BACKLOG_TASKS

if TYPE_CHECKING:
    from engine.meter import Meter
    from engine.pace import Pace
    from pools.station import Station
    from pools.swarm import Swarm

__all__ = ["rates_of"]


def rates_of(swarm: Swarm, stats: Mapping[str, Any], meter: Meter) -> dict[str, Any]:
    """`pools`, `workers` and `breakers` that are not closed.

    used of a pool: the shares of its limits that are taken, of agents, of tasks that may wait, and of memory.
    busy of a worker: the share of the last seconds in which it ran tasks; active: its agents with a task; queue: tasks before
    it and in its mailboxes.
    """
    breakers = swarm.breakers.facts()
    states = {one["pool"]: one["state"] for one in breakers if one["kind"] is None}
    pace = iter(meter.paces)
    workers = [
        _worker(seat, pool.name, next(pace), states) | {"active": meter.active_of(seat)}
        for pool in swarm.pools
        for seat in pool.seats
    ]
    return {
        "pools": [_pool(facts, workers, states) for facts in stats["pools"]],
        "workers": workers,
        "breakers": [
            *({"name": f"pool {one['pool']}", **_breaker(one)} for one in breakers if one["state"] != "closed"),
            *({"name": one["target"], **_breaker(one)} for one in stats["breakers"]["outside"] if one["state"] != "closed"),
        ],
    }


def _breaker(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": facts.get("kind"), "state": facts["state"], "mode": facts["mode"]}


def _worker(seat: Station, pool: str, pace: Pace, states: Mapping[str, str]) -> dict[str, Any]:
    cells, is_up = seat.cells, seat.pid is not None
    since_ns = cells[BUSY_SINCE_NS]
    agent, method = seat.running or (None, None)
    return {
        "worker": seat.name,
        "pool": pool,
        "state": seat.state,
        "reason": seat.reason,
        "restarts": seat.restarts,
        "breaker": states.get(pool),
        "ticks_per_s": pace.ticks_per_s() if is_up else None,
        "busy": pace.busy() if is_up else None,
        "agent": agent or None,
        "method": method or None,
        "running_for_s": round((time.monotonic_ns() - since_ns) / 1e9, 3) if since_ns else 0.0,
        "open": seat.link.open,
        "queue": seat.link.waiting + (cells[WAITING] if is_up else 0),
        "done": cells[DONE],
        "failed": cells[FAILED],
    }


def _pool(facts: Mapping[str, Any], workers: Sequence[Mapping[str, Any]], states: Mapping[str, str]) -> dict[str, Any]:
    own = [worker for worker in workers if worker["pool"] == facts["name"]]
    queue = sum(worker["queue"] for worker in own)
    used = {"agents": facts["agents"] / facts["agents_limit"], "tasks": queue / (BACKLOG_TASKS * max(len(own), 1))}
    if facts["memory_limit_bytes"]:
        used["memory"] = facts["memory_bytes"] / facts["memory_limit_bytes"]
    busy = [worker["busy"] for worker in own if worker["busy"] is not None]
    return {
        **{key: facts[key] for key in ("name", "state", "agents", "agents_limit", "workers", "open", "done", "failed")},
        "memory_bytes": facts["memory_bytes"],
        "memory_limit_bytes": facts["memory_limit_bytes"],
        "breaker": states.get(facts["name"]),
        "active": sum(worker["active"] for worker in own),
        "queue": queue,
        "busy": round(sum(busy) / len(busy), 4) if busy else None,
        "used": {what: round(share, 4) for what, share in used.items()},
    }
