"""Accepted tasks as a person reads them: a table of many, everything about one.

Owns the layout; what a task is called and how it stands comes from the engine.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from engine.cli import figures
from engine.cli.output import screen, show_json, show_lines
from engine.cli.states import style_of
from engine.cli.table import Column, table
from engine.cli.why import effects_of, moment, standing

__all__ = ["show_task", "show_tasks"]

COLUMNS = (
    Column("ID"),
    Column("STATE", style=style_of),
    Column("AGENT", least=16),
    Column("METHOD", least=8),
    Column("ATTEMPTS", is_right=True, rank=3),
    Column("ACCEPTED", rank=2),
    Column("WHY", least=12, rank=1),
)


def show_tasks(options: Namespace, tasks: Sequence[dict[str, Any]]) -> None:
    """Print a table of tasks, if there are any."""
    if tasks:
        show_lines(table(COLUMNS, [_row(task) for task in tasks], screen(options)))


def _row(task: dict[str, Any]) -> list[str]:
    attempts = figures.count(task["attempts"])
    shown = [task["id"], task["state"], task["agent"], task["method"], attempts, moment(task["accepted_s"])]
    return [*shown, standing(task)]


def show_task(options: Namespace, schema: str, task: dict[str, Any]) -> None:
    """Print everything that is known of a task."""
    if options.json:
        show_json({"schema": schema, "task": task})
        return
    cause, progress = task["cause"], task["progress"]
    more = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in task["options"].items()}
    rows = {
        "id": task["id"],
        "called": None if task["name"] is None else str(task["name"]),
        "state": task["state"],
        "agent": task["agent"],
        "method": task["method"],
        "attempts": figures.count(task["attempts"]),
        "progress": None if progress is None else f"{100 * progress:.0f}%",
        "accepted": moment(task["accepted_s"]),
        "started": moment(task["started_s"]),
        "ended": moment(task["ended_s"]),
        "ran": None if task["ran_s"] is None else figures.span(task["ran_s"]),
        "effects": None if task["effects"] is None else effects_of(task),
        "deadline": None if task["deadline_s"] is None else figures.span(task["deadline_s"]),
        "waits": standing(task) if task["state"] == "waiting" else None,
        **{name: str(value) for name, value in more.items()},
        "cause": None if cause is None else f"{cause['type']}: {cause['message']}",
        "requeue of": task["requeue_of"],
        "requeued as": task["requeued_as"],
    }
    if "args" in task:
        rows["args"] = json.dumps(task["args"], ensure_ascii=False)
    show_lines(
        table((Column(""), Column("")), [[name, text] for name, text in rows.items() if text is not None], screen(options))[1:]
    )
