"""Accepted tasks as a person reads them: a table of many, everything about one.

Owns the layout; what a task is called and how it stands comes from the engine.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from engine.cli import figures
from engine.cli.output import screen, show_json, show_lines
from engine.cli.states import style_of
from engine.cli.table import Column, table

__all__ = ["show_task", "show_tasks"]

COLUMNS = (
    Column("ID"),
    Column("STATE", style=style_of),
    Column("AGENT", least=16),
    Column("METHOD", least=8),
    Column("ATTEMPTS", is_right=True, rank=2),
    Column("ACCEPTED", rank=1),
    Column("CAUSE", least=12, rank=3),
)


def show_tasks(options: Namespace, tasks: Sequence[dict[str, Any]]) -> None:
    """Print a table of tasks, if there are any."""
    if tasks:
        show_lines(table(COLUMNS, [_row(task) for task in tasks], screen(options)))


def _row(task: dict[str, Any]) -> list[str]:
    cause = task["cause"]
    shown = "" if cause is None else f"{cause['type']}: {cause['message']}"
    attempts = figures.count(task["attempts"])
    return [task["id"], task["state"], task["agent"], task["method"], attempts, _time(task["accepted_s"]), shown]


def _time(seconds: float | None) -> str:
    """A time for people, with milliseconds; a dash for none."""
    if seconds is None:
        return "-"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(seconds))}.{int(seconds % 1 * 1000):03d}"


def show_task(options: Namespace, schema: str, task: dict[str, Any]) -> None:
    """Print everything that is known of a task."""
    if options.json:
        show_json({"schema": schema, "task": task})
        return
    cause = task["cause"]
    rows = {
        "id": task["id"],
        "called": None if task["name"] is None else str(task["name"]),
        "state": task["state"],
        "agent": task["agent"],
        "method": task["method"],
        "attempts": figures.count(task["attempts"]),
        "accepted": _time(task["accepted_s"]),
        "started": _time(task["started_s"]),
        "ended": _time(task["ended_s"]),
        "deadline": None if task["deadline_s"] is None else figures.span(task["deadline_s"]),
        "cause": None if cause is None else f"{cause['type']}: {cause['message']}",
        "requeue of": task["requeue_of"],
        "requeued as": task["requeued_as"],
    }
    if "args" in task:
        rows["args"] = json.dumps(task["args"], ensure_ascii=False)
    show_lines(
        table((Column(""), Column("")), [[name, text] for name, text in rows.items() if text is not None], screen(options))[1:]
    )
