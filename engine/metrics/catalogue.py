"""Every metric of an engine: its name, what it means, and where it stands in a document of `stats`.

Owns the table. Names follow the conventions of Prometheus: a prefix, base units, `_total` behind what only grows. A label has
few values: pools, kinds, states and reasons, which pools.yaml and the code bound; never an agent or a task. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["COUNTER", "GAUGE", "HISTOGRAM", "METRICS", "UP", "Metric", "Sample", "samples_of"]

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
#: Whether the engine answers: the one metric that is there when nothing else is known.
UP = "engine_up"

#: Kinds that have a sample each, and what the rest of them is called.
KINDS, OTHERS = 100, "(others)"

#: A document of `stats`.
Stats = Mapping[str, Any]
#: The values of a metric's labels, and its own.
Sample = tuple[tuple[str, ...], float]


class Metric(NamedTuple):
    """One metric. read: its samples in a document, none where it says nothing of it.

    labels: names of what its samples differ in.
    """

    name: str
    kind: str
    help: str
    read: Callable[[Stats], Iterable[Sample]]
    labels: tuple[str, ...] = ()


def _at(*path: str) -> Callable[[Stats], Iterable[Sample]]:
    """The number at a path, none where there is none."""

    def read(stats: Stats) -> Iterable[Sample]:
        found: Any = stats
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return () if found is None else (((), float(found)),)

    return read


def _each(*path: str, names: Iterable[str] | None = None) -> Callable[[Stats], Iterable[Sample]]:
    """The numbers in a mapping, a sample each. names: those that are meant; None for all."""

    def read(stats: Stats) -> Iterable[Sample]:
        found: Any = stats
        for key in path:
            found = found[key]
        chosen = found if names is None else names
        return [((name,), float(found[name])) for name in chosen]

    return read


def _kinds(stats: Stats) -> Iterable[Sample]:
    """The largest kinds; the others together, under a name that no kind can have."""
    most = sorted(stats["agents"]["kinds"].items(), key=lambda item: (-item[1], item[0]))
    found: list[Sample] = [((name,), float(count)) for name, count in most[:KINDS]]
    return found if len(most) <= KINDS else [*found, ((OTHERS,), float(sum(count for _, count in most[KINDS:])))]


def _pools(key: str) -> Callable[[Stats], Iterable[Sample]]:
    return lambda stats: [((pool["name"],), float(pool[key])) for pool in stats["pools"] if pool.get(key) is not None]


def _pool_parts(*keys: str) -> Callable[[Stats], Iterable[Sample]]:
    return lambda stats: [((pool["name"], key), float(pool[key])) for pool in stats["pools"] for key in keys]


def _frames(stats: Stats) -> Iterable[Sample]:
    return [((pool["name"], way), float(pool["frames_bytes"][way])) for pool in stats["pools"] for way in ("in", "out")]


def _workers(stats: Stats) -> Iterable[Sample]:
    running, total = stats["workers"]["running"], stats["workers"]["total"]
    return [(("running",), float(running)), (("away",), float(total - running))]


def _alerts(stats: Stats) -> Iterable[Sample]:
    found = {"agent": 0, "queue": 0}
    for alert in stats["alerts"]:
        found[alert["what"]] = found.get(alert["what"], 0) + 1
    return [((what,), float(count)) for what, count in found.items()]


def _build(stats: Stats) -> Iterable[Sample]:
    return [((stats["version"], stats["durability"]), 1.0)]


def _times(stats: Stats) -> Iterable[Sample]:
    """The answer times, each sample the upper bound of a bucket in seconds and how many were no longer; then their sum."""
    spent = stats["latency_us"]
    counted, at = 0, 0
    buckets = spent["buckets"]
    found: list[Sample] = []
    for bound_us in BOUNDS_US:
        while at < len(buckets) and buckets[at][0] < bound_us:
            counted += buckets[at][1]
            at += 1
        found.append(((str(bound_us / 1e6),), float(counted)))
    return [*found, (("+Inf",), float(spent["count"])), (("sum",), spent["sum"] / 1e6)]


def _journal(stats: Stats) -> Iterable[Sample]:
    """Why the journal takes no changes: 1, else 0."""
    return [((reason,), float(stats["journal"]["changes"] == reason)) for reason in ("full", "stopped")]


#: Bounds of the histogram's buckets in microseconds: powers of two, at which the engine's own buckets end too; 64 us to 67 s.
BOUNDS_US = tuple(1 << power for power in range(6, 27))
ENDS = ("done", "failed", "cancelled", "expired")

METRICS = (
    Metric(UP, GAUGE, "Whether the engine answered when it was asked: 1, else 0.", lambda _stats: [((), 1.0)]),
    Metric("engine_build_info", GAUGE, "Always 1; its labels say what runs.", _build, ("version", "durability")),
    Metric("engine_uptime_seconds", GAUGE, "Seconds since the engine began.", _at("uptime_s")),
    Metric("engine_agents", GAUGE, "Agents by state: live are objects, asleep have their state kept, dormant were never asked.",
           _each("agents", names=("live", "asleep", "dormant")), ("state",)),
    Metric("engine_agents_limit", GAUGE, "Most agents that the engine takes.", _at("agents", "limit")),
    Metric("engine_kind_agents", GAUGE, "Agents by kind: the 100 that have most, the rest as (others).", _kinds, ("kind",)),
    Metric("engine_agents_quarantined", GAUGE, "Agents that are on trial or parked.", _at("healing", "sick")),
    Metric("engine_tasks_accepted_total", COUNTER, "Tasks that were accepted, attached and detached ones.",
           _at("tasks", "accepted")),
    Metric("engine_tasks_ended_total", COUNTER, "Tasks that ended, by how.", _each("tasks", names=ENDS), ("outcome",)),
    Metric("engine_tasks_open", GAUGE, "Tasks that were accepted and have not ended, whether they wait or run.",
           _at("tasks", "open")),
    Metric("engine_detached_tasks_accepted_total", COUNTER, "Tasks that were accepted for good (engine submit): since their "
           "journal began, over restarts.", _at("detached", "accepted")),
    Metric("engine_detached_tasks_ended_total", COUNTER, "Of those, tasks that ended, by how.",
           _each("detached", names=ENDS), ("outcome",)),
    Metric("engine_detached_tasks_open", GAUGE, "Of those, tasks that have not ended.", _at("detached", "open")),
    Metric("engine_journal_refusing_changes", GAUGE, "Whether no detached tasks are accepted: the disk is full, or it failed.",
           _journal, ("reason",)),
    Metric("engine_tasks_shed_total", COUNTER, "Tasks that were refused or dropped under pressure, by why.",
           _each("pressure", "shed"), ("reason",)),
    Metric("engine_task_duration_seconds", HISTOGRAM, "Time from the sending of a task's frame to its answer, in seconds.",
           _times, ("le",)),
    Metric("engine_tells_total", COUNTER, "Messages that agents sent to agents.", _at("messages", "tells")),
    Metric("engine_workers", GAUGE, "Worker processes: running, or away (starting, in backoff, down).", _workers, ("state",)),
    Metric("engine_workers_refusing_changes", GAUGE, "Workers whose store takes no changes: the disk is full, or it stopped.",
           _each("workers", names=("full", "stopped")), ("reason",)),
    Metric("engine_worker_restarts_total", COUNTER, "Worker processes that were started again.", _at("workers", "restarts")),
    Metric("engine_findings_total", COUNTER, "What was found of agents: hung, killed, leaked and the like.",
           _each("healing", "found"), ("finding",)),
    Metric("engine_errors_total", COUNTER, "Tasks that failed in a worker, and workers that ended by themselves.",
           _each("healing", "errors"), ("source",)),
    Metric("engine_recoveries_total", COUNTER, "Agents and workers that were mended, by how.",
           _each("healing", "recoveries"), ("how",)),
    Metric("engine_breakers", GAUGE, "Circuit breakers by state.", _each("breakers", names=("closed", "open", "half_open")),
           ("state",)),
    Metric("engine_breakers_forced", GAUGE, "Circuit breakers that an operator holds.", _at("breakers", "forced")),
    Metric("engine_breaker_openings_total", COUNTER, "How often a circuit breaker has opened.", _at("breakers", "openings")),
    Metric("engine_questions_blocked", GAUGE, "Questions between agents that are open for longer than a moment.",
           _at("waits", "blocked")),
    Metric("engine_deadlocks_broken_total", COUNTER, "Circles of agents that asked each other, and were broken.",
           _at("waits", "deadlocks")),
    Metric("engine_alerts", GAUGE, "Agents and queues that are alive, have tasks waiting and take none.", _alerts, ("what",)),
    Metric("engine_foresight_judged_total", COUNTER, "Tasks that were looked at before they were sent.",
           _at("foresight", "judged")),
    Metric("engine_foresight_risky_total", COUNTER, "Of those, tasks that were likely to fail.", _at("foresight", "risky")),
    Metric("engine_memory_bytes", GAUGE, "Proportional set size in bytes, of the engine's own processes and of the workers.",
           _each("memory_bytes", names=("engine", "workers")), ("process",)),
    Metric("engine_pool_agents", GAUGE, "Agents of a pool.", _pools("agents"), ("pool",)),
    Metric("engine_pool_agents_limit", GAUGE, "Most agents that a pool takes.", _pools("agents_limit"), ("pool",)),
    Metric("engine_pool_workers", GAUGE, "Workers of a pool.", _pools("workers"), ("pool",)),
    Metric("engine_pool_tasks_open", GAUGE, "Tasks that a pool's workers have or that wait for them.", _pools("open"),
           ("pool",)),
    Metric("engine_pool_tasks_ended_total", COUNTER, "Tasks that a pool's workers ran, messages between agents among them.",
           _pool_parts("done", "failed"), ("pool", "outcome")),
    Metric("engine_pool_busy_seconds_total", COUNTER, "Seconds in which a pool's workers ran tasks.", _pools("busy_s"),
           ("pool",)),
    Metric("engine_pool_frames_bytes_total", COUNTER, "Bytes of frames that a pool's workers received (in) and sent (out).",
           _frames, ("pool", "direction")),
    Metric("engine_pool_memory_bytes", GAUGE, "Proportional set size of a pool's workers, in bytes.", _pools("memory_bytes"),
           ("pool",)),
    Metric("engine_pool_memory_limit_bytes", GAUGE, "What a pool's workers may have, in bytes; absent where there is no limit.",
           _pools("memory_limit_bytes"), ("pool",)),
    Metric("engine_log_events_total", COUNTER, "Events that were written to the log.", _at("log", "written")),
    Metric("engine_log_dropped_total", COUNTER, "Events that could not be written to the log.", _at("log", "dropped")),
    Metric("engine_keeper_restarts_total", COUNTER, "How often the keeper has started the engine again.",
           _at("keeper", "restarts")),
)  # fmt: skip


def samples_of(stats: Stats | None) -> Iterable[tuple[Metric, Iterable[Sample]]]:
    """Every metric with its samples. stats: None where the engine did not answer, of which one thing is known."""
    if stats is None:
        return [(METRICS[0], [((), 0.0)])]
    return [(metric, metric.read(stats)) for metric in METRICS]
