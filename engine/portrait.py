"""Everything that is known of one agent, now: what its worker says of it, what is on its way to it, and what is on record.

Owns the form of that document and where each part of it comes from. It wakes nobody: the worker is asked one question, and not
waited for where it hangs.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from checkpoints.shards import shard_of
from pools.address import Key, parse
from pools.errors import PoolError
from pools.gauges import BUSY_SINCE_NS
from pools.listing import ASK_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.detached import Detached
    from engine.task import Task
    from pools.station import Station
    from pools.swarm import Swarm

__all__ = ["SCHEMA", "portrait"]

SCHEMA = "engine.agent/v1"
#: Tasks that are told of: the last ones, accepted ones, and those on their way.
LAST, ACCEPTED, QUEUED = 20, 20, 100
#: The newest accepted tasks that are looked at for those of one agent, and how many without a pause.
LOOKED_AT, AT_ONCE = 50_000, 5_000


async def portrait(swarm: Swarm, detached: Detached, address: str) -> dict[str, Any]:
    """What is known of an agent.

    status: `unknown` where its worker does not say.  state: its fields, but for those in `omitted` (their bytes as JSON), which
    are too large to be told; None where it cannot be read, and `unreadable` says why.  running: the task that runs, since
    `since_s`.  mailbox: what waits behind that; queued: what was sent to the worker and not begun; each with method, task and
    age in seconds.  in_front: tasks of all agents that wait for room at that worker.  last: the last tasks that came over the
    engine, newest first, of the last 16,384 of its worker.  failures: the last of those, with errors, since its worker began,
    which is what `restarts` counts.  tasks: accepted ones, newest first.  quarantine: its record, None where nothing was found.
    checkpoints: newest first, without the state in them.  Times in seconds since 1970.
    Raises BadAddress, UnknownKind, UnknownAgent.
    """
    kind, key = parse(address)
    number, worker = swarm.placement.worker_of(kind, key)
    pool = swarm.pools[number]
    seat = pool.seats[worker]
    said = await _asked(seat, kind, key)
    now_s, wall_s = time.monotonic(), time.time()
    running = _running(seat, address, said, wall_s)
    ways = _on_their_way(seat, kind, key, now_s)
    behind = [] if said is None else said["mailbox"]
    inside = {(one["section"], one["position"]) for one in behind}
    if said is not None and said["running"] is not None:
        inside.add((said["running"]["section"], said["running"]["position"]))
    sight = seat.link.sight
    last = [] if sight is None else sight.recent.of(kind, key, LAST)
    return {
        "schema": SCHEMA,
        "agent": f"{kind}/{key}",
        "kind": kind,
        "pool": pool.name,
        "worker": seat.name,
        "worker_state": seat.state,
        "worker_reason": seat.reason,
        "is_paused": pool.is_paused,
        "shard": shard_of(f"{kind}/{key}".encode(), pool.spec.shards),
        "status": "unknown" if said is None else said["status"],
        "state": None if said is None else said["state"],
        "omitted": {} if said is None else said["omitted"],
        "unreadable": "its worker does not answer" if said is None else said["unreadable"],
        "running": running,
        "mailbox": [_waiting(one, ways) for one in behind],
        "mailbox_count": 0 if said is None else said["waiting"],
        "queued": [facts for place, facts in ways.items() if place not in inside][:QUEUED],
        "in_front": seat.link.waiting,
        "last": [_ended(past, now_s, wall_s) for past in last],
        "failures": [] if said is None else said["failures"],
        "tasks": await _accepted(detached, address),
        "restarts": 0 if said is None else said["restarts"],
        "apart": 0 if said is None else said["apart"],
        "quarantine": swarm.healer.quarantine.get(address),
        "checkpoints": [] if said is None else said["checkpoints"],
    }


async def _asked(seat: Station, kind: str, key: Key) -> dict[str, Any] | None:
    """What its worker says of an agent; None where it does not."""
    try:
        async with asyncio.timeout(ASK_S):
            said: dict[str, Any] | None = await seat.request("agent", kind=kind, key=key)
    except (PoolError, TimeoutError):
        return None
    return said


def _running(seat: Station, address: str, said: Mapping[str, Any] | None, wall_s: float) -> dict[str, Any] | None:
    """The task of an agent that runs; where its worker hangs in it, what the gauges say of it."""
    if said is not None and said["running"] is not None:
        one = said["running"]
        task = one["name"] or f"{one['section']}.{one['position']}"
        since_s = round(wall_s - one["for_s"], 3)
        return {"method": one["method"], "task": task, "since_s": since_s, "for_s": one["for_s"], "is_alone": one["is_alone"]}
    if said is None and seat.running is not None and seat.running[0] == address:
        since_ns = seat.cells[BUSY_SINCE_NS]
        for_s = round((time.monotonic_ns() - since_ns) / 1e9, 3) if since_ns else 0.0
        since_s = round(wall_s - for_s, 3)
        return {"method": seat.running[1], "task": seat.section, "since_s": since_s, "for_s": for_s, "is_alone": False}
    return None


def _on_their_way(seat: Station, kind: str, key: Key, now_s: float) -> dict[tuple[int, int], dict[str, Any]]:
    """The tasks of an agent that its worker has and has not answered, by section and place."""
    return {
        (number, place): {"method": method, "task": f"{number}.{place}", "age_s": round(max(now_s - sent_s, 0.0), 3)}
        for link in (seat.link, seat.inner)
        for number, place, method, sent_s in link.flights.of(kind, key)
    }


def _waiting(one: Mapping[str, Any], ways: Mapping[tuple[int, int], dict[str, Any]]) -> dict[str, Any]:
    """A task of a mailbox; how long one waits that an agent of the same worker has sent is not known."""
    place = one["section"], one["position"]
    unknown = {"method": one["method"], "task": f"{place[0]}.{place[1]}" if place[0] else "", "age_s": None}
    return ways.get(place, unknown)


def _ended(past: Any, now_s: float, wall_s: float) -> dict[str, Any]:
    ended_s = round(wall_s - now_s + past.ended_s, 3)
    return {"method": past.method, "ended_s": ended_s, "took_s": round(past.took_s, 6), "error": past.error}


async def _accepted(detached: Detached, address: str) -> list[dict[str, Any]]:
    """The newest accepted tasks of an agent."""
    register = detached.register
    found: list[Task] = []
    numbers = list(register.tasks)[: -LOOKED_AT - 1 : -1]
    for at in range(0, len(numbers), AT_ONCE):
        some = (register.tasks.get(number) for number in numbers[at : at + AT_ONCE])
        found += [task for task in some if task is not None and task.agent == address]
        if len(found) >= ACCEPTED:
            break
        await asyncio.sleep(0)
    names = ("id", "name", "state", "method", "attempts", "accepted_s", "started_s", "ended_s", "cause")
    return [{name: facts[name] for name in names} for facts in map(detached.account.facts, found[:ACCEPTED])]
