"""An overview as a person reads it in a few lines.

Owns the layout; every number comes from the document, and what is not known is a dash.
"""

from __future__ import annotations

from typing import Any

from engine.cli import figures
from engine.cli.screen import Screen, clean
from engine.cli.session import called

__all__ = ["overview_lines"]

#: Stands for what is not known.
UNKNOWN = "\u2013"
#: Columns of the words at the left.
LEFT = 13
#: In which style an alert is shown, and the sign before it.
STYLES = {"error": "red", "warning": "yellow", "info": "cyan", "ok": "green"}
SIGNS = {"error": "✗", "warning": "⚠", "info": "\u2139", "ok": "✓"}


def overview_lines(shown: dict[str, Any], screen: Screen) -> list[str]:
    """The lines of an overview. shown: the document."""
    agents, tasks, speed, used, impact = (shown[part] for part in ("agents", "tasks", "performance", "resources", "impact"))
    facts = f"up {figures.span(shown['uptime_s'])}, version {shown['version']}, {shown['durability']}"
    rows = {
        "sprint": _sprint(shown["sprint"]),
        "agents": f"{_count(agents['total'])} = "
        + " + ".join(f"{_count(agents[n])} {n}" for n in ("active", "idle", "failed")),
        "tasks": f"{_count(tasks['queue'])} in the queue, {_count(tasks['complete'])} complete, "
        f"{_count(tasks['failed'])} failed, {_share(tasks['success'])} success",
        "performance": f"{_count(speed['tasks_per_min'])} tasks/min, {_count(speed['errors_per_min'])} errors/min, "
        f"{_count(speed['recoveries_per_min'])} recoveries/min, {_share(speed['efficiency'])} efficiency",
        "resources": f"cpu {_share(used['cpu'])}, memory {figures.size(used['memory_bytes'])} ({_share(used['memory'])}), "
        f"network {_per_s(used['network_bytes_per_s'])}, disk {_per_s(used['disk_bytes_per_s'])}",
        "cost": _cost(shown["cost"]),
        "impact": f"{_count(impact['features'])} features, {_count(impact['tests'])} tests, "
        f"{_count(impact['bugs_fixed'])} bugs fixed, {_count(impact['code_lines'])} code lines",
        "top": ", ".join(map(_performer, shown["top"])) or UNKNOWN,
    }
    lines = [f"{screen.paint(f'{left:<{LEFT}}', 'dim')}{right}" for left, right in rows.items()]
    alerts = [screen.paint(f"{SIGNS[one['level']]} {clean(one['text'])}", STYLES[one["level"]]) for one in shown["alerts"]]
    return [screen.paint(f"{called(shown['name'])}, {facts}", "bold"), *lines, "", *alerts]


def _count(number: float | None) -> str:
    return UNKNOWN if number is None else figures.count(number)


def _share(share: float | None) -> str:
    """In percent, cut and not rounded up: 100.0% is all."""
    return UNKNOWN if share is None else f"{int(share * 1000 + 1e-9) / 10:.1f}%"


def _per_s(number: float | None) -> str:
    return UNKNOWN if number is None else f"{figures.size(number)}/s"


def _sprint(sprint: dict[str, Any]) -> str:
    if sprint["id"] is None:
        return UNKNOWN
    left = UNKNOWN if sprint["left_s"] is None else "{}:{:02}".format(*divmod(int(sprint["left_s"]), 60))
    return f"{sprint['id']}, {sprint['phase']}, {left} left, {_share(sprint['progress'])}"


def _cost(cost: dict[str, Any]) -> str:
    if cost["total"] is None:
        return UNKNOWN
    each = " + ".join(f"{amount:.4f} {name}" for name, amount in cost["providers"].items() if amount is not None)
    return f"{cost['currency']} {cost['total']:.4f} = {each}"


def _performer(row: dict[str, Any]) -> str:
    least = "≥" if row["counted"] is not None and row["counted"] < 1 else ""
    return clean(f"{row['agent']}: {least}{figures.plural(row['done'], 'task')} ({row['kind']})")
