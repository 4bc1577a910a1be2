"""What is shown adds up, comes from counts alone, and says None or nothing for what is not known."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from engine import __version__
from engine.snapshot import SCHEMA, pool_facts, snapshot, worker_facts
from engine.tally import Tally
from pools.errors import Failure
from pools.gates import Gates
from pools.gauges import (
    ASLEEP,
    BUSY_NS,
    BUSY_SINCE_NS,
    CELLS,
    DONE,
    FAILED,
    HISTOGRAM,
    LIVE,
    REFUSAL,
    TELLS,
    WAITING,
    bucket_of,
    bucket_top_us,
)
from pools.placement import Placement
from pools.pool import Pool
from pools.quota import Quotas
from pools.spec import PoolSpec

PSS_BYTES = {os.getpid(): 50_000_000, 101: 20_000_000, 102: 10_000_000, 103: 5_000_000}


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.pool.pss_bytes", lambda pid: PSS_BYTES[pid])


def seat(name: str, pid: int | None, cells: dict[int, int], **facts: Any) -> Any:
    """A worker's place, as far as it is looked at."""
    row = memoryview(bytearray(CELLS * 8)).cast("Q")
    for cell, count in cells.items():
        row[cell] = count
    known = {"state": "running", "loop_name": "uvloop", "restarts": 0, "reason": "", "started_s": 0.0} | facts
    valve = SimpleNamespace(facts=lambda _now_s: {"limit": 7})
    return SimpleNamespace(
        name=name, number=2, pid=pid, cells=row, link=SimpleNamespace(open=3, waiting=4, valve=valve), **known
    )


class Swarm:
    """Two pools with three workers, one of which has no process now."""

    def __init__(self) -> None:
        self.own_bytes = PSS_BYTES[os.getpid()] + 7_000_000
        fast, slow = bucket_of(100), bucket_of(50_000)
        self.placement = Placement([PoolSpec("p1", agents=100, workers=2), PoolSpec("p2", agents=100, mem_bytes=10**9)], 200)
        self.placement.add_range("counter", 60)
        self.placement.add_names("other", ["x", "y"])
        one = seat("p1.1", 101, {DONE: 5, FAILED: 1, LIVE: 10, ASLEEP: 2, TELLS: 7, WAITING: 3, HISTOGRAM + fast: 98})
        away = {DONE: 3, LIVE: 1_000, ASLEEP: 1_000, WAITING: 9, HISTOGRAM + fast: 1, BUSY_NS: 1_234_567_890}
        two = seat("p1.2", None, away, state="backoff", restarts=2, reason="exit status 1")
        three = seat("p2", 103, {DONE: 4, LIVE: 5, TELLS: 1, HISTOGRAM + slow: 1}, restarts=1)
        self.pools = [
            Pool(0, self.placement.pools[0], [one, two], lambda _finding: None, lambda _event: None),
            Pool(1, self.placement.pools[1], [three], lambda _finding: None, lambda _event: None),
        ]
        self.seats = [one, two, three]
        self.gates = Gates(Quotas(), lambda _event: None, now_s=0.0)
        told = {"phase": "rolled", "code": 1, "next": 2, "share": 1.0, "warm": {"processes": 1, "memory_bytes": 0}, "why": ""}
        self.deploys = SimpleNamespace(status=lambda: told)
        self.breakers = SimpleNamespace(counts=lambda: {"closed": 2, "open": 0})
        self.health = SimpleNamespace(facts=lambda _now_s: {"errors_per_min": 3})
        self.healer = SimpleNamespace(counts={"hung": 2}, quarantine=SimpleNamespace(sick=lambda: [{}]))
        self.deadlocks = SimpleNamespace(blocked=3, broken=1)
        self.watch = SimpleNamespace(alerts=SimpleNamespace(listed=lambda _now_s: [{"name": "a/1"}]))


NONE = Tally().as_dict()
TAKEN = {"changes": "taken", "reason": ""}


def shown(tally: Tally | None = None, detached: dict[str, int] = NONE) -> dict[str, Any]:
    counted = Swarm(), tally or Tally(), detached, TAKEN, {"verdict": "no lift"}
    made = snapshot(*counted, name="mine", durability="memory", started_s=0.0)  # type: ignore[arg-type]
    return made.as_dict()


def test_a_snapshot_is_json_with_its_schema_first() -> None:
    facts = shown()
    assert next(iter(facts)) == "schema"
    assert facts["schema"] == SCHEMA
    assert orjson.loads(orjson.dumps(facts)) == facts
    assert (facts["name"], facts["pid"], facts["version"], facts["durability"]) == ("mine", os.getpid(), __version__, "memory")
    assert facts["uptime_s"] == facts["time_s"] > 1_700_000_000


def test_long_asks_deadlocks_and_alerts_are_shown() -> None:
    facts = shown()
    assert facts["waits"] == {"blocked": 3, "deadlocks": 1}
    assert facts["pressure"]["shed"] == {"rate": 0, "open": 0, "deadline": 0, "backlog": 0, "expired": 0}
    assert facts["pressure"]["workers"] == {name: {"limit": 7} for name in ("p1.1", "p1.2", "p2")}
    assert facts["alerts"] == [{"name": "a/1"}]


def test_agents_add_up_and_those_of_a_worker_that_is_away_are_not_counted_as_objects() -> None:
    agents = shown()["agents"]
    assert agents == {"total": 62, "live": 15, "asleep": 2, "dormant": 45, "limit": 200, "kinds": {"counter": 60, "other": 2}}


def test_more_objects_than_agents_do_not_make_a_negative_number() -> None:
    """The gauges are read one after the other while the workers go on."""
    swarm = Swarm()
    swarm.seats[0].cells[LIVE] = 1_000
    assert snapshot(swarm, Tally(), NONE, TAKEN, {}, name="x", durability="memory", started_s=0.0).agents["dormant"] == 0  # type: ignore[arg-type]


def test_tasks_come_from_the_engines_own_count() -> None:
    tally = Tally()
    tally.accept(10)
    tally.end(4, [(0, Failure("TaskExpired", ""))])
    assert shown(tally)["tasks"] == {"accepted": 10, "done": 3, "failed": 0, "cancelled": 0, "expired": 1, "open": 6}


def test_tasks_whose_sender_waits_and_detached_ones_add_up() -> None:
    tally = Tally()
    tally.accept(10)
    tally.end(4, [(0, Failure("TaskExpired", ""))])
    detached = {"accepted": 100, "done": 50, "failed": 20, "cancelled": 10, "expired": 5, "open": 15}
    facts = shown(tally, detached)
    assert facts["tasks"] == {"accepted": 110, "done": 53, "failed": 20, "cancelled": 10, "expired": 6, "open": 21}
    assert facts["detached"] == detached
    assert facts["journal"] == TAKEN


def test_answer_times_of_all_workers_are_taken_together() -> None:
    latency = shown()["latency_us"]
    typical = bucket_top_us(bucket_of(100))
    *buckets, _ = latency.pop("buckets")
    assert latency == {"p50": typical, "p90": typical, "p99": typical, "count": 100, "sum": 0}
    assert buckets == [[typical, 99]]
    swarm = Swarm()
    for each in swarm.seats:
        each.cells[HISTOGRAM:CELLS] = memoryview(bytearray((CELLS - HISTOGRAM) * 8)).cast("Q")
    empty = snapshot(swarm, Tally(), NONE, TAKEN, {}, name="x", durability="memory", started_s=0.0).latency_us  # type: ignore[arg-type]
    assert empty == {"p50": None, "p90": None, "p99": None, "count": 0, "sum": 0, "buckets": []}


def test_what_foresight_says_is_shown_as_it_is() -> None:
    assert shown()["foresight"] == {"verdict": "no lift"}


def test_workers_messages_and_memory_are_sums() -> None:
    facts = shown()
    assert facts["workers"] == {"total": 3, "running": 2, "restarts": 3, "full": 0, "stopped": 0}
    assert facts["messages"] == {"tells": 8}
    assert facts["memory_bytes"] == {"engine": 57_000_000, "workers": 25_000_000, "total": 82_000_000}
    assert [pool["memory_bytes"] for pool in facts["pools"]] == [20_000_000, 5_000_000]


def test_a_pool_is_shown_with_its_limits_and_what_it_holds() -> None:
    swarm = Swarm()
    assert pool_facts(swarm.pools[0], 42) == {
        "name": "p1",
        "state": "degraded",
        "agents": 42,
        "agents_limit": 100,
        "workers": 2,
        "open": 14,
        "done": 8,
        "failed": 1,
        "memory_bytes": 20_000_000,
        "memory_limit_bytes": None,
        "busy_s": 1.235,
        "frames_bytes": {"in": 0, "out": 0},
        "cpu": "no share asked for",
        "kinds": [],
    }
    assert pool_facts(swarm.pools[1], 0)["memory_limit_bytes"] == 10**9


def test_a_worker_is_shown_with_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    swarm = Swarm()
    monkeypatch.setattr("engine.snapshot.time.monotonic_ns", lambda: 10_000_000_000)
    swarm.seats[0].cells[BUSY_SINCE_NS] = 8_500_000_000
    facts = worker_facts(swarm.seats[0], swarm.pools[0])
    assert facts == {
        "worker": "p1.1",
        "pool": "p1",
        "pid": 101,
        "state": "running",
        "code": 2,
        "loop": "uvloop",
        "live": 10,
        "asleep": 2,
        "waiting": 3,
        "open": 7,
        "done": 5,
        "failed": 1,
        "restarts": 0,
        "memory_bytes": 20_000_000,
        "busy_s": 0.0,
        "running_for_s": 1.5,
        "changes": "taken",
        "reason": "",
    }


@pytest.mark.parametrize(
    ("state", "changes", "reason"), [(1, "full", "the disk is full"), (2, "stopped", "the disk has failed")]
)
def test_a_worker_that_takes_no_changes_says_so(state: int, changes: str, reason: str) -> None:
    swarm = Swarm()
    swarm.seats[0].cells[REFUSAL] = state
    facts = worker_facts(swarm.seats[0], swarm.pools[0])  # type: ignore[arg-type]
    assert (facts["changes"], facts["reason"].startswith(reason)) == (changes, True)
    workers = snapshot(swarm, Tally(), NONE, TAKEN, {}, name="x", durability="memory", started_s=0.0).workers  # type: ignore[arg-type]
    assert workers[changes] == 1


def test_of_a_worker_without_a_process_only_what_lasts_is_shown() -> None:
    swarm = Swarm()
    facts = worker_facts(swarm.seats[1], swarm.pools[0])
    assert (facts["pid"], facts["state"], facts["reason"], facts["restarts"]) == (None, "backoff", "exit status 1", 2)
    assert [facts[name] for name in ("live", "asleep", "waiting", "memory_bytes", "running_for_s")] == [0, 0, 0, 0, 0.0]
    assert (facts["done"], facts["busy_s"], facts["open"]) == (3, 1.235, 7)
