"""The cells of the overview, from its document: panel by panel, each with a name, a text and a tone.

Owns which cells there are and what they look like. Pure; the numbers are the document's, which counted them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.dashboard.cells import UNKNOWN, bytes_of, count, money, per_s, percent, said

__all__ = ["LEVELS", "Alert", "Figure", "Tone", "alerts", "panels", "performers"]

#: Names of tones: colours that a theme has. The empty one is plain.
Tone = str
#: The sign, the word and the tone of each level of alerts: the word is there for who sees no colour.
LEVELS: dict[str, tuple[str, str, Tone]] = {
    "error": ("\N{BALLOT X}", "ERROR", "error"),
    "warning": ("\N{WARNING SIGN}", "WARN", "warning"),
    "info": ("\N{INFORMATION SOURCE}", "INFO", "accent"),
    "ok": ("\N{CHECK MARK}", "OK", "success"),
}
#: Providers that have a row of their own beside the total.
PROVIDERS = 3
#: Shares from which on a resource is short, and the share of success below which something is wrong.
SHORT, SCARCE, WRONG = 0.8, 0.95, 0.9


class Figure(NamedTuple):
    """One cell."""

    name: str
    text: str
    tone: Tone = ""


class Alert(NamedTuple):
    """One line of the alerts. since_s: unix time, None where it is not known."""

    sign: str
    word: str
    text: str
    tone: Tone
    since_s: float | None


def panels(document: Mapping[str, Any] | None) -> dict[str, list[Figure]]:
    """The cells by panel; dashes where there is no document yet."""
    facts = document or {}
    return {
        "agents": _agents(facts.get("agents") or {}),
        "tasks": _tasks(facts.get("tasks") or {}),
        "performance": _performance(facts.get("performance") or {}),
        "resources": _resources(facts.get("resources") or {}),
        "cost": _cost(facts.get("cost") or {}),
        "impact": _impact(facts.get("impact") or {}),
    }


def _agents(agents: Mapping[str, Any]) -> list[Figure]:
    return [
        Figure("Total", count(agents.get("total"))),
        Figure("Active", count(agents.get("active")), "success" if agents.get("active") else ""),
        Figure("Idle", count(agents.get("idle"))),
        Figure("Failed", count(agents.get("failed")), "error" if agents.get("failed") else ""),
    ]


def _tasks(tasks: Mapping[str, Any]) -> list[Figure]:
    success = tasks.get("success")
    return [
        Figure("Queue", count(tasks.get("queue")), "accent" if tasks.get("queue") else ""),
        Figure("Complete", count(tasks.get("complete"))),
        Figure("Failed", count(tasks.get("failed")), "error" if tasks.get("failed") else ""),
        Figure("Success", percent(success), "" if success is None else "warning" if success < WRONG else "success"),
    ]


def _performance(performance: Mapping[str, Any]) -> list[Figure]:
    return [
        Figure("Tasks/min", count(performance.get("tasks_per_min"))),
        Figure("Errors/min", count(performance.get("errors_per_min")), "error" if performance.get("errors_per_min") else ""),
        Figure("Recoveries/min", count(performance.get("recoveries_per_min"))),
        Figure("Efficiency", percent(performance.get("efficiency"))),
    ]


def _resources(resources: Mapping[str, Any]) -> list[Figure]:
    memory, used = resources.get("memory"), bytes_of(resources.get("memory_bytes"))
    return [
        Figure("CPU", percent(resources.get("cpu")), _scarcity(resources.get("cpu"))),
        Figure("Memory", used if memory is None else f"{used}  {percent(memory)}", _scarcity(memory)),
        Figure("Network", per_s(resources.get("network_bytes_per_s"))),
        Figure("Disk", per_s(resources.get("disk_bytes_per_s"))),
    ]


def _scarcity(share: float | None) -> Tone:
    return "" if share is None or share < SHORT else "warning" if share < SCARCE else "error"


def _cost(cost: Mapping[str, Any]) -> list[Figure]:
    """The providers, the dearest first where not all have room, and the total as the document has it."""
    currency = cost.get("currency")
    providers: dict[str, float | None] = dict(cost.get("providers") or {"local": None})
    shown = list(providers.items())
    if len(shown) > PROVIDERS:
        shown.sort(key=lambda pair: -(pair[1] or 0.0))
        rest = [amount for _, amount in shown[PROVIDERS - 1 :] if amount is not None]
        shown = [*shown[: PROVIDERS - 1], (f"{len(providers) - PROVIDERS + 1} others", sum(rest) if rest else None)]
    rows = [Figure(_title(said(name)), money(amount, currency)) for name, amount in shown]
    return [*rows, *[Figure("", "")] * (PROVIDERS - len(rows)), Figure("Total", money(cost.get("total"), currency), "bold")]


def _title(name: str) -> str:
    """A word with a capital; what is no word, such as gpt-4, as it is."""
    return name.capitalize() if name.isalpha() else name


def _impact(impact: Mapping[str, Any]) -> list[Figure]:
    names = {"features": "Features", "tests": "Tests", "bugs_fixed": "Bugs fixed", "code_lines": "Code lines"}
    return [Figure(name, count(impact.get(key))) for key, name in names.items()]


def performers(document: Mapping[str, Any] | None) -> list[str]:
    """Who did most: `counter/17: 127 tasks (counter)`; with a sign where not all tasks were looked at, so it did more."""
    lines = []
    for row in (document or {}).get("top") or []:
        least = "\N{GREATER-THAN OR EQUAL TO}" if row.get("counted", 1.0) < 1.0 or row.get("is_least") else ""
        word = "task" if row["done"] == 1 else "tasks"
        lines.append(f"{said(row['agent'])}: {least}{row['done']:,} {word} ({said(row['kind'])})")
    return lines or [UNKNOWN]


def alerts(document: Mapping[str, Any] | None) -> list[Alert]:
    """What is to be known, the worst first."""
    order = list(LEVELS)
    rows = sorted(
        (document or {}).get("alerts") or [], key=lambda row: order.index(row["level"]) if row["level"] in order else 0
    )
    shown = []
    for row in rows:
        sign, word, tone = LEVELS.get(row["level"], ("?", str(row["level"]).upper(), "warning"))
        shown.append(Alert(sign, word, said(row["text"]), tone, row.get("since_s")))
    return shown
