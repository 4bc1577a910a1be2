"""The story of an accepted task, as a person reads it.

Owns the words; what happened is told by the engine.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from engine.cli import figures
from engine.cli.output import screen, show_lines
from engine.cli.states import style_of
from engine.cli.table import Column, table

__all__ = ["PARTS", "effects_of", "moment", "show_why", "standing"]

WAITED = (
    Column("WAITED FOR", least=16),
    Column("ID", rank=1),
    Column("STATE", style=style_of),
    Column("FOR", is_right=True),
)
ATTEMPTS = (
    Column("ATTEMPT", is_right=True),
    Column("STARTED", rank=1),
    Column("TOOK", is_right=True),
    Column("AGENT", least=16),
    Column("OUTCOME", least=16),
)
#: Where time went, in words, in the order in which it does.
PARTS = {
    "tasks_s": "waited for other tasks",
    "due_s": "waited for its time",
    "room_s": "waited for room",
    "attempts_s": "with its worker",
    "between_s": "between attempts",
}
#: Tasks that it waits for that are named in one line.
NAMED = 3


def moment(seconds: float | None) -> str:
    """A time for people, with milliseconds; a dash for none."""
    if seconds is None:
        return "-"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(seconds))}.{int(seconds % 1 * 1000):03d}"


def standing(task: Mapping[str, Any]) -> str:
    """Why a task is not done, or how far it is, in a few words; nothing where there is nothing to say."""
    cause = task["cause"]
    if cause is not None:
        return f"{cause['type']}: {cause['message']}"
    if task["waiting_for_count"]:
        named = ", ".join(str(each) for each in task["waiting_for"][:NAMED])
        more = task["waiting_for_count"] - len(task["waiting_for"][:NAMED])
        return f"waits for {named}{f' and {more:,} more' if more > 0 else ''}"
    if task["due_s"] is not None:
        again = f" for attempt {task['attempts'] + 1:,}" if task["retried"] else ""
        return f"waits until {moment(task['due_s'])}{again}"
    if task["state"] == "running" and task["progress"] is not None:
        return f"{100 * task['progress']:.0f}% of it, as it says"
    return ""


def effects_of(task: Mapping[str, Any]) -> str:
    """What a task changed that was counted, in a line."""
    return ", ".join(f"{name} {count:,}" for name, count in task["effects"].items()) or "none"


def show_why(options: Namespace, told: Mapping[str, Any]) -> None:
    """Print the story of a task."""
    show_lines(_lines(options, told))


def _lines(options: Namespace, told: Mapping[str, Any]) -> Iterator[str]:
    task, shown = told["task"], screen(options)
    called = "" if task["name"] is None else f", called {task['name']}"
    end_s = told["now_s"] if task["ended_s"] is None else task["ended_s"]
    ago = f"after {figures.span(max(end_s - task['accepted_s'], 0.0))}" if task["ended_s"] else "now"
    what = standing(task)
    rows = [
        ["task", f"{task['id']}{called}"],
        ["is", f"{task['state']} {ago}{f': {what}' if what else ''}"],
        ["asked", _asked(told)],
        ["accepted", moment(task["accepted_s"])],
    ]
    if task["deadline_s"] is not None:
        rows.append(["deadline", moment(task["accepted_s"] + task["deadline_s"])])
    rows += [[name, str(text)] for name, text in _facts(told)]
    yield from table((Column(""), Column("")), rows, shown)[1:]
    if told["waited_for"]:
        yield ""
        yield from table(WAITED, [_waited(each) for each in told["waited_for"]], shown)
        if told["waited_for_count"] > len(told["waited_for"]):
            yield f"and {told['waited_for_count'] - len(told['waited_for']):,} more"
    if told["attempts"]:
        yield ""
        first = task["attempts"] - len(told["attempts"]) + 1
        yield from table(ATTEMPTS, [_attempt(first + at, each, told) for at, each in enumerate(told["attempts"])], shown)
    yield ""
    spent = told["time"]
    rows = [[words, figures.span(spent[name]), _share(spent[name], spent["total_s"])] for name, words in PARTS.items()]
    rows.append(["in all", figures.span(spent["total_s"]), ""])
    yield from table((Column("TIME"), Column("", is_right=True), Column("", is_right=True)), rows, shown)


def _asked(told: Mapping[str, Any]) -> str:
    """Who was asked for what."""
    task, size = told["task"], told["args_bytes"]
    whom = f"any agent of {task['agent'].partition('/')[0]}" if task["is_any"] else task["agent"]
    args = ""
    if size is not None:
        args = f", {size:,} bytes of arguments" if told["args"] is None else f" {json.dumps(told['args'], ensure_ascii=False)}"
    return f"{whom} {task['method']}{args}"


def _facts(told: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What else is known: its options, where it runs, who holds it up."""
    task, place = told["task"], told["place"]
    options = {name: value for name, value in task["options"].items() if name != "after"}
    if options:
        yield "options", ", ".join(f"{name} {_shown(value)}" for name, value in options.items())
    if task["effects"] is not None:
        yield "effects", effects_of(task)
        yield "ran", figures.span(task["ran_s"])
    if place is not None:
        yield "agent", f"{place['agent']}, pool {place['pool']}, worker {place['worker']} ({place['state']})"
    for each in told["obstacles"]:
        yield "held by", each["text"]
    if task["requeue_of"] is not None:
        yield "requeue of", task["requeue_of"]
    if task["requeued_as"] is not None:
        yield "requeued as", task["requeued_as"]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _waited(each: Mapping[str, Any]) -> list[str]:
    return [str(each["task"]), each["id"] or "-", each["state"], figures.span(each["waited_s"])]


def _attempt(number: int, each: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    end_s = told["now_s"] if each["ended_s"] is None else each["ended_s"]
    error, task = each["error"], told["task"]
    outcome = task["state"] if error is None else f"{error['type']}: {error['message']}"
    took = figures.span(max(end_s - each["started_s"], 0.0))
    return [f"{number:,}", moment(each["started_s"]), took, each["agent"], outcome]


def _share(part_s: float, total_s: float) -> str:
    return f"{100 * part_s / total_s:.0f}%" if total_s > 0 else ""
