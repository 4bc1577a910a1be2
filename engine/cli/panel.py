"""One snapshot as a person reads it.

Owns the layout; every number comes from the snapshot, a rate from two of them.
"""

from __future__ import annotations

from typing import Any

from engine.cli import figures
from engine.cli.folding import folded
from engine.cli.pooltable import pool_lines
from engine.cli.screen import Screen
from engine.cli.session import called

__all__ = ["panel"]

#: Columns of the words at the left.
LEFT = 10
#: Kinds that are named; the rest is counted.
KINDS = 5
#: The latencies that are shown.
PERCENTILES = ("p50", "p90", "p99")
#: Why tasks were not run.
WHY_SHED = {
    "rate": "past their rate",
    "open": "past what may be open",
    "deadline": "refused as they would be late",
    "backlog": "past the backlog",
    "expired": "dropped as they were late",
}
#: What is said of workers that take no changes.
REFUSALS = {"full": "refuse changes as the disk is full", "stopped": "take no changes as the disk has failed"}

#: What is said of the journal while it takes nothing.
JOURNAL = {
    "full": "accepts no detached tasks as the disk is full; the ends of those that it has wait",
    "stopped": "accepts no detached tasks as the disk has failed",
}


def panel(snapshot: dict[str, Any], before: dict[str, Any] | None, screen: Screen) -> list[str]:
    """The lines of a snapshot. before: an earlier one of the same engine, for rates."""
    facts = f"up {figures.span(snapshot['uptime_s'])}, pid {snapshot['pid']}, version {snapshot['version']}"
    head = f"{called(snapshot['name'])}, {facts}"
    counted = {
        "agents": _agents(snapshot["agents"]),
        "kinds": _kinds(snapshot["agents"]["kinds"]),
        "tasks": _tasks(snapshot["tasks"], screen),
        "speed": _speed(snapshot, before),
        "latency": _latency(snapshot["latency_us"]),
        "workers": _workers(snapshot["workers"], screen),
        "journal": screen.paint(JOURNAL.get(snapshot["journal"]["changes"], ""), "red"),
        "waits": _waits(snapshot["waits"]),
        "pressure": _pressure(snapshot["pressure"]),
        "alerts": _alerts(snapshot["alerts"], screen),
        "healing": _healing(snapshot["healing"]),
        "keeper": _keeper(snapshot.get("keeper")),
        "rewind": _rewind(snapshot.get("rewind"), screen),
        "memory": _memory(snapshot["memory_bytes"]),
        "state": f"kept in {snapshot['durability']}" if snapshot["durability"] == "memory" else snapshot["durability"],
    }
    lines = [line for left, right in counted.items() if right for line in folded(left, right, LEFT, screen)]
    return [screen.paint(head, "bold"), *lines, "", *pool_lines(snapshot["pools"], screen)]


def _agents(agents: dict[str, Any]) -> str:
    parts = [f"{figures.count(agents[name])} {name}" for name in ("live", "asleep", "dormant")]
    return f"{figures.count(agents['total'])} of {figures.count(agents['limit'])}: {', '.join(parts)}"


def _kinds(kinds: dict[str, int]) -> str:
    most = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    named = ", ".join(f"{figures.count(number)} {kind}" for kind, number in most[:KINDS])
    return named + (f" and {len(most) - KINDS} kinds more" if len(most) > KINDS else "")


def _tasks(tasks: dict[str, int], screen: Screen) -> str:
    parts = [f"{figures.count(tasks['accepted'])} accepted: {figures.count(tasks['done'])} done"]
    for name, style in (("failed", "red"), ("cancelled", "yellow"), ("expired", "yellow"), ("open", "cyan")):
        text = f"{figures.count(tasks[name])} {name}"
        parts.append(screen.paint(text, style) if tasks[name] else text)
    return ", ".join(parts)


def _speed(snapshot: dict[str, Any], before: dict[str, Any] | None) -> str:
    if before is None or snapshot["time_s"] <= before["time_s"]:
        return ""
    seconds = snapshot["time_s"] - before["time_s"]
    done = snapshot["tasks"]["done"] - before["tasks"]["done"]
    tells = snapshot["messages"]["tells"] - before["messages"]["tells"]
    return f"{figures.rate(done / seconds)} done, {figures.rate(tells / seconds)} told, in the last {figures.span(seconds)}"


def _latency(latency_us: dict[str, Any]) -> str:
    shown = [f"{name} {figures.span(latency_us[name] / 1e6)}" for name in PERCENTILES if latency_us[name] is not None]
    return ", ".join(shown) or "no task was answered yet"


def _workers(workers: dict[str, int], screen: Screen) -> str:
    text = f"{workers['running']} of {workers['total']} run"
    if workers["running"] < workers["total"]:
        text = screen.paint(text, "red")
    for name, said in REFUSALS.items():
        if workers[name]:
            text += ", " + screen.paint(f"{workers[name]} {said}", "red")
    return f"{text}, {figures.plural(workers['restarts'], 'restart')}"


def _waits(waits: dict[str, int]) -> str:
    if not any(waits.values()):
        return ""
    broken = figures.plural(waits["deadlocks"], "deadlock")
    return f"{figures.count(waits['blocked'])} long asks between agents, {broken} broken"


def _pressure(pressure: dict[str, Any]) -> str:
    """What was not run, and which workers have less under way than they might."""
    said = [f"{figures.count(count)} {WHY_SHED[why]}" for why, count in pressure["shed"].items() if count]
    narrow = [f"{name} {facts['limit']:,}" for name, facts in pressure["workers"].items() if facts["limit"] < facts["window"]]
    if narrow:
        more = f" and {len(narrow) - KINDS} more" if len(narrow) > KINDS else ""
        said.append(f"tasks at once: {', '.join(narrow[:KINDS])}{more}")
    return "; ".join(said)


def _alerts(alerts: list[dict[str, Any]], screen: Screen) -> str:
    if not alerts:
        return ""
    first = alerts[0]
    named = f"{first['what']} {first['name']} takes nothing for {figures.span(first['for_s'])}: {first['method']}".rstrip(": ")
    return screen.paint(named + (f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""), "yellow")


def _healing(healing: dict[str, Any]) -> str:
    errors, recoveries = (sum(healing[name].values()) for name in ("errors", "recoveries"))
    if not errors:
        return ""
    text = f"{figures.plural(errors, 'error')}, {recoveries:,} recovered: in the last minute"
    return f"{text} {healing['errors_per_min']:,} and {healing['recoveries_per_min']:,}"


def _keeper(keeper: dict[str, Any] | None) -> str:
    return "" if keeper is None else f"pid {keeper['pid']}, started it again {figures.plural(keeper['restarts'], 'time')}"


def _rewind(rewind: dict[str, Any] | None, screen: Screen) -> str:
    if rewind is None or rewind["state"] == "recording":
        return ""
    return screen.paint(f"nothing is recorded: {rewind['reason']}", "yellow")


def _memory(memory_bytes: dict[str, int]) -> str:
    engine, workers, total = (figures.size(memory_bytes[name]) for name in ("engine", "workers", "total"))
    return f"{total}: {engine} engine, {workers} workers"
