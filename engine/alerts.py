"""What of an engine somebody should look at now, in a line each.

Owns when something is worth an alert, how bad that is, and its words. Pure: it reads what was counted and measured, so that the
alerts of a past instant are those that stood then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pools.events import Event

__all__ = ["NEAR", "WELL", "alerts_of"]

#: The share of a limit from which a pool is near its capacity.
NEAR = 0.85
#: Alerts of one sort that are told each by itself; of more, their number is.
EACH = 5
#: Seconds for which it is told that a worker died, as its errors are counted so long.
LATELY_S = 60.0
#: What is said where nothing else is.
WELL = {"level": "ok", "text": "All systems operational"}

#: The worst first.
LEVELS = ("error", "warning", "ok", "info")

Facts = Mapping[str, Any]
Alert = dict[str, Any]


def alerts_of(
    stats: Facts,
    rates: Facts,
    sprint: Facts | None,
    late_per_min: int,
    sick: Sequence[Facts] = (),
    events: Sequence[Event] = (),
) -> list[Alert]:
    """The alerts, the worst first; one line that all is well where there is none, and when the next sprint begins.

    stats: a document of `stats`.  rates: of its pools and workers.  sprint: the one that runs.  late_per_min: tasks that were
    not done in time, in the last minute.  sick: the records of agents in quarantine.  events: the newest, oldest first.
    """
    found = [
        *_workers(rates.get("workers", ())),
        *_died(events, rates.get("workers", ()), stats["time_s"]),
        *_disks(stats),
        *_recording(stats.get("rewind")),
        *_breakers(rates.get("breakers", ())),
        *_near(rates.get("pools", ())),
        *_held(stats),
        *_sick(stats, sick),
    ]
    if late_per_min:
        found.append(_alert("warning", f"{late_per_min:,} {_tasks(late_per_min)} not done in time in the last minute"))
    found = found or [dict(WELL)]
    if sprint is not None and sprint.get("next_in_s") is not None:
        minutes, seconds = divmod(int(sprint["next_in_s"]), 60)
        found.append(_alert("info", f"Next sprint in {minutes}:{seconds:02}"))
    return sorted(found, key=lambda alert: LEVELS.index(alert["level"]))


def _alert(level: str, text: str, since_s: float | None = None) -> Alert:
    return {"level": level, "text": text} | ({} if since_s is None else {"since_s": round(since_s, 3)})


def _workers(workers: Sequence[Facts]) -> Iterator[Alert]:
    away = [worker for worker in workers if worker["state"] in ("down", "backoff") or _comes_back(worker)]
    for worker in away[:EACH]:
        said = "is down" if worker["state"] == "down" else "is being restarted"
        level = "error" if worker["state"] == "down" else "warning"
        yield _alert(level, f"Worker {worker['worker']} {said}{_why(worker['reason'])}")
    if len(away) > EACH:
        yield _alert("error", f"{len(away) - EACH:,} more workers are down or being restarted")


def _died(events: Sequence[Event], workers: Sequence[Facts], now_s: float) -> Iterator[Alert]:
    """Workers that died lately and run again: that takes milliseconds, and somebody should know of it."""
    running = {worker["worker"] for worker in workers if worker["state"] == "running"}
    died: dict[str, Event] = {}
    for event in reversed(events):
        if event.time_s < now_s - LATELY_S:
            break
        name = event.text.partition(":")[0]
        if event.name == "worker.died" and name in running:
            died.setdefault(name, event)
    for name, event in list(died.items())[:EACH]:
        yield _alert("warning", f"Worker {name} died and runs again{_why(event.text.partition(': ')[2])}", event.time_s)
    if len(died) > EACH:
        yield _alert("warning", f"{len(died) - EACH:,} more workers died and run again")


def _comes_back(worker: Facts) -> bool:
    return bool(worker["state"] == "starting" and worker["restarts"])


def _why(reason: str) -> str:
    return f": {reason}" if reason else ""


def _disks(stats: Facts) -> Iterator[Alert]:
    workers, journal = stats["workers"], stats.get("journal", {"changes": "taken"})
    if journal["changes"] == "full":
        yield _alert("error", "The disk is full: no detached tasks are accepted, and the ends of those that were wait")
    if journal["changes"] == "stopped":
        yield _alert("error", "A disk has failed: no detached tasks are accepted until the next start")
    if workers["full"]:
        yield _alert("error", f"The disk is full: {workers['full']:,} {_workers_take(workers['full'])} no changes")
    if workers["stopped"]:
        yield _alert(
            "error",
            f"A disk has failed: {workers['stopped']:,} {_workers_take(workers['stopped'])} no changes until the next start",
        )


def _recording(rewind: Facts | None) -> Iterator[Alert]:
    if rewind is not None and rewind["state"] != "recording":
        yield _alert("warning", f"Nothing is recorded{_why(rewind['reason'])}")


def _workers_take(count: int) -> str:
    return "worker takes" if count == 1 else "workers take"


def _tasks(count: int) -> str:
    return "task was" if count == 1 else "tasks were"


def _breakers(breakers: Sequence[Facts]) -> Iterator[Alert]:
    for breaker in breakers[:EACH]:
        of_kind = f" for {breaker['kind']}" if breaker.get("kind") else ""
        by = ", held by an operator" if breaker["mode"] != "auto" else ""
        yield _alert("warning", f"Breaker of {breaker['name']}{of_kind} is {breaker['state']}{by}")
    if len(breakers) > EACH:
        yield _alert("warning", f"{len(breakers) - EACH:,} more breakers are open")


def _near(pools: Sequence[Facts]) -> Iterator[Alert]:
    for pool in pools:
        if pool["state"] == "down":
            yield _alert("error", f"Pool {pool['name']} is down")
        elif pool["state"] == "paused":
            yield _alert("warning", f"Pool {pool['name']} is paused: it begins no task from outside")
        what, share = max(pool["used"].items(), key=lambda pair: pair[1])
        if share >= NEAR:
            yield _alert("warning", f"Pool {pool['name']} at {int(share * 100)}% capacity ({what})")


def _held(stats: Facts) -> Iterator[Alert]:
    held = stats["alerts"]
    for one in held[:EACH]:
        behind = f" behind {one['method']}" if one["method"] else ""
        text = f"{one['what'].capitalize()} {one['name']} is alive and takes nothing: {one['waiting']:,} wait{behind}"
        yield _alert("warning", text, stats["time_s"] - one["for_s"])
    if len(held) > EACH:
        yield _alert("warning", f"{len(held) - EACH:,} more are alive and take nothing")


def _sick(stats: Facts, sick: Sequence[Facts]) -> Iterator[Alert]:
    count = stats["healing"]["sick"]
    if not count:
        return
    newest = max(sick, key=lambda entry: float(entry["since_s"]), default=None)
    if newest is None:
        yield _alert("warning", f"{count:,} in quarantine")
        return
    more = f", and {count - 1:,} more" if count > 1 else ""
    yield _alert(
        "warning", f"{newest['agent']} is in quarantine ({newest['status']}){_why(newest['cause'])}{more}", newest["since_s"]
    )
