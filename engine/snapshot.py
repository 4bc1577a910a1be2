"""Everything counted, at one moment.

Owns the form of what `stats` shows and what every screen reads. It asks no worker: counts come from the engine's own tally
and from the gauges that workers store into. What is not known is None.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import __version__
from pools.address import parse
from pools.errors import PoolError
from pools.gauges import (
    ASLEEP,
    BUSY_NS,
    BUSY_SINCE_NS,
    BYTES_IN,
    BYTES_OUT,
    CELLS,
    DONE,
    FAILED,
    HISTOGRAM,
    LIVE,
    SPENT_US,
    TELLS,
    WAITING,
    bucket_top_us,
    percentile_us,
)  # fmt: skip
from pools.refusal import FULL, STOPPED, WHY, WORDS, state_in

if TYPE_CHECKING:
    from engine.tally import Tally
    from pools.pool import Pool
    from pools.seat import Seat
    from pools.station import Station
    from pools.swarm import Swarm

__all__ = ["SCHEMA", "Snapshot", "place_facts", "pool_facts", "snapshot", "worker_facts"]

SCHEMA = "engine.stats/v1"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What `stats --json` prints.

    agents: total = live + asleep + dormant.  tasks: accepted = done + failed + cancelled + expired + open; of tasks whose
    sender waits since this engine began, and of detached ones since their journal did.  detached: the latter alone.
    journal: whether that of detached tasks takes changes (taken, full, stopped), and the reason.
    latency_us: from the sending of a task's frame to its answer, in microseconds, over the life of the engine; `buckets` are
    those that hold some, each with the longest time that falls into it and how many did.
    healing: what was found of agents, by what it was, and how many are on trial or parked now; errors and recoveries since
    this engine began, each counted once, and how many of both there were in the last 60 s (`pools.health`).
    breakers: how many are in which state, how many an operator holds, and how often one has opened; of outside targets by name.
    waits: questions between agents that are open for longer than a moment, and deadlocks that were broken.
    pressure: tasks that were refused or dropped, by why (`shed`), what limited kinds have, and of each worker how many tasks it
    may have now, at most, and how many a second leave the queues before it, where that was measured.
    alerts: agents and queues that are alive, have tasks waiting and take none, each with what, name, worker, agent, method,
    task, waiting and for_s.
    foresight: as `engine foresight --json` tells it.
    code: the number of the code that agents run, of the one that is being deployed and the share of agents that run it, and the
    processes that wait with the old one (they are in `memory_bytes.engine`).
    memory_bytes: proportional set sizes, each as it was at most a few seconds ago.
    """

    name: str
    pid: int
    version: str
    durability: str
    time_s: float
    uptime_s: float
    agents: dict[str, Any]
    tasks: dict[str, int]
    detached: dict[str, int]
    journal: dict[str, str]
    latency_us: dict[str, Any]
    messages: dict[str, int]
    workers: dict[str, int]
    healing: dict[str, Any]
    breakers: dict[str, Any]
    waits: dict[str, int]
    pressure: dict[str, Any]
    alerts: list[dict[str, Any]]
    foresight: dict[str, Any]
    code: dict[str, Any]
    memory_bytes: dict[str, int]
    pools: list[dict[str, Any]]
    schema: str = SCHEMA

    def as_dict(self) -> dict[str, Any]:
        """The snapshot as JSON values, the schema first."""
        return {"schema": self.schema, **{name: getattr(self, name) for name in self.__slots__ if name != "schema"}}


def _latency(seats: Sequence[Seat]) -> dict[str, Any]:
    counts = [0] * (CELLS - HISTOGRAM)
    for seat in seats:
        counts = [known + more for known, more in zip(counts, seat.cells[HISTOGRAM:CELLS], strict=True)]
    return {
        "p50": percentile_us(counts, 0.5),
        "p90": percentile_us(counts, 0.9),
        "p99": percentile_us(counts, 0.99),
        "count": sum(counts),
        "sum": sum(seat.cells[SPENT_US] for seat in seats),
        "buckets": [[bucket_top_us(bucket), count] for bucket, count in enumerate(counts) if count],
    }


def _limits(seats: Sequence[Seat]) -> dict[str, Any]:
    """The limit of each worker."""
    now_s = time.monotonic()
    return {seat.name: seat.link.valve.facts(now_s) for seat in seats if seat.link.valve is not None}


def worker_facts(seat: Station, pool: Pool) -> dict[str, Any]:
    """One worker's line of `ps`."""
    cells = seat.cells
    since_ns = cells[BUSY_SINCE_NS]
    return {
        "worker": seat.name,
        "pool": pool.name,
        "pid": seat.pid,
        "state": seat.state,
        "code": seat.number,
        "loop": seat.loop_name,
        "live": cells[LIVE] if seat.pid else 0,
        "asleep": cells[ASLEEP] if seat.pid else 0,
        "waiting": cells[WAITING] if seat.pid else 0,
        "open": seat.link.open + seat.link.waiting,
        "done": cells[DONE],
        "failed": cells[FAILED],
        "restarts": seat.restarts,
        "memory_bytes": pool.sizes.of(seat.pid) if seat.pid else 0,
        "busy_s": round(cells[BUSY_NS] / 1e9, 3),
        "running_for_s": round((time.monotonic_ns() - since_ns) / 1e9, 3) if since_ns else 0.0,
        "changes": WORDS[state_in(seat.cells)],
        "reason": seat.reason or WHY[state_in(seat.cells)],
    }


def place_facts(swarm: Swarm, address: str) -> dict[str, Any] | None:
    """Where an agent is: its pool, its worker, and how that one stands; None where no such agent is."""
    kind, slash, _ = address.partition("/")
    try:
        pool, worker = swarm.placement.worker_of(kind, parse(address)[1]) if slash else (None, None)
    except PoolError:
        return None
    if pool is None or worker is None:
        return None
    seat = swarm.pools[pool].seats[worker]
    reason = seat.reason if seat.state != "running" else ""
    return {"agent": address, "pool": swarm.pools[pool].name, "worker": seat.name, "state": seat.state, "reason": reason}


def pool_facts(pool: Pool, agents: int) -> dict[str, Any]:
    """One pool's line of `pools`."""
    return {
        "name": pool.name,
        "state": pool.state,
        "agents": agents,
        "agents_limit": pool.spec.agents,
        "workers": len(pool.seats),
        "open": pool.open,
        "done": sum(seat.cells[DONE] for seat in pool.seats),
        "failed": sum(seat.cells[FAILED] for seat in pool.seats),
        "memory_bytes": pool.size_bytes(),
        "memory_limit_bytes": pool.spec.mem_bytes,
        "busy_s": round(sum(seat.cells[BUSY_NS] for seat in pool.seats) / 1e9, 3),
        "frames_bytes": {
            "in": sum(seat.cells[BYTES_IN] for seat in pool.seats),
            "out": sum(seat.cells[BYTES_OUT] for seat in pool.seats),
        },
        "cpu": pool.cpu.describe() if pool.cpu is not None else "no share asked for",
        "kinds": list(pool.spec.kinds),
    }


def snapshot(
    swarm: Swarm,
    tally: Tally,
    detached: Mapping[str, int],
    journal: Mapping[str, str],
    foresight: Mapping[str, Any],
    *,
    name: str,
    durability: str,
    started_s: float,
) -> Snapshot:
    """The state of an engine now. tally, detached: of tasks whose sender waits, and of others.  journal: as in `Snapshot`.

    foresight: what its trial says.  started_s: when it was made, in seconds since 1970.
    """
    placement = swarm.placement
    tasks = {state: count + detached[state] for state, count in tally.as_dict().items()}
    up = [seat for seat in swarm.seats if seat.pid is not None]
    live = sum(seat.cells[LIVE] for seat in up)
    asleep = sum(seat.cells[ASLEEP] for seat in up)
    pools = [pool_facts(pool, placement.used[pool.number]) for pool in swarm.pools]
    workers_bytes = sum(pool["memory_bytes"] for pool in pools)
    deploy = swarm.deploys.status()
    warm_bytes = deploy["warm"]["memory_bytes"]
    own_bytes = swarm.own_bytes + warm_bytes
    now_s = time.time()
    return Snapshot(
        name=name,
        pid=os.getpid(),
        version=__version__,
        durability=durability,
        time_s=round(now_s, 3),
        uptime_s=round(now_s - started_s, 3),
        agents={
            "total": placement.count,
            "live": live,
            "asleep": asleep,
            "dormant": max(placement.count - live - asleep, 0),
            "limit": placement.limit,
            "kinds": {kind: placement.count_of(kind) for kind in placement.kinds()},
        },
        tasks=tasks,
        detached=dict(detached),
        journal=dict(journal),
        latency_us=_latency(swarm.seats),
        messages={"tells": sum(seat.cells[TELLS] for seat in swarm.seats)},
        workers={
            "total": len(swarm.seats),
            "running": sum(seat.state == "running" for seat in swarm.seats),
            "restarts": sum(seat.restarts for seat in swarm.seats),
            "full": sum(state_in(seat.cells) == FULL for seat in swarm.seats),
            "stopped": sum(state_in(seat.cells) == STOPPED for seat in swarm.seats),
        },
        healing={
            "found": dict(swarm.healer.counts),
            "sick": len(swarm.healer.quarantine.sick()),
            **swarm.health.facts(time.monotonic()),
        },
        breakers=swarm.breakers.counts(),
        waits={"blocked": swarm.deadlocks.blocked, "deadlocks": swarm.deadlocks.broken},
        pressure={**swarm.gates.facts(), "workers": _limits(swarm.seats)},
        alerts=swarm.watch.alerts.listed(time.monotonic()),
        foresight=dict(foresight),
        code={name: deploy[name] for name in ("phase", "code", "next", "share", "warm")},
        memory_bytes={"engine": own_bytes, "workers": workers_bytes, "total": own_bytes + workers_bytes},
        pools=pools,
    )
