"""`engine tasks`: what became of accepted tasks."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError, Namespace
from typing import Any

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import request
from engine.cli.states import style_of
from engine.cli.table import Column, table

__all__ = ["ABOUT", "COLUMNS", "add_arguments", "row_of", "run", "show_task", "time_of"]

SCHEMA = "engine.tasks/v1"
#: What can be done, and whether it is done with one task.
ACTIONS = {"ls": False, "show": True, "result": True, "cancel": True}
#: Tasks on a page unless more are asked for, and that the engine sends at once.
LIMIT, MOST = 100, 10_000
#: Seconds that `--wait` waits where it is not told how long.
WAIT_S = 86_400.0
#: States that a task may have.
STATES = ("queued", "running", "done", "failed", "cancelled", "expired")

ABOUT = About(
    usage="""\
[ls] [--state STATE] [--limit N] [--skip N] [--json]
  engine tasks show|cancel ID [--json]
  engine tasks result ID [--wait [TIME]] [--json]""",
    text="""\
Looks at the tasks that were accepted (`engine submit`, `engine run --detach`). A task is queued: it waits; running: its worker
has it; then it ends as done, failed, cancelled or expired. Of those that have ended the newest 100,000 are kept.

  ls      a page of them, the newest first
  show    one with the time of each change, its attempts and its cause
  result  its value, as JSON; ends with 3 while there is none, with 1 if
          the task failed, was cancelled or expired
  cancel  take it back, if it has not begun; ends with 1 if it has""",
    examples="""\
  engine tasks --state running
  engine tasks show 3f9ac1d2-17
  engine tasks result 3f9ac1d2-17 --wait 30s
  engine tasks --json | jq .counts
""",
)

COLUMNS = (
    Column("ID"),
    Column("STATE", style=style_of),
    Column("AGENT", least=16),
    Column("METHOD", least=8),
    Column("ATTEMPTS", is_right=True, rank=2),
    Column("ACCEPTED", rank=1),
    Column("CAUSE", least=12, rank=3),
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with which tasks."""
    parser.add_argument(
        "action", nargs="?", type=_action, default="ls", metavar="ACTION", help=f"one of {', '.join(ACTIONS)} (ls)"
    )
    parser.add_argument("task", nargs="?", metavar="ID", help="for show, result and cancel")
    parser.add_argument("--state", choices=STATES, metavar="STATE", help=f"only these: {', '.join(STATES)}")
    parser.add_argument(
        "--limit", type=amount("parse_count"), default=LIMIT, metavar="N", help=f"most tasks ({LIMIT}; up to {MOST:,})"
    )
    parser.add_argument("--skip", type=amount("parse_count"), default=0, metavar="N", help="tasks to pass over first")
    parser.add_argument(
        "--wait",
        nargs="?",
        type=amount("parse_seconds"),
        const=WAIT_S,
        default=0.0,
        metavar="TIME",
        help="result: wait for the end, such as 30s (a day)",
    )


def _action(text: str) -> str:
    if text not in ACTIONS:
        raise ArgumentTypeError(
            f"there is nothing called {text!r} to do{meant(text, ACTIONS) or '; write ls, show, result or cancel'}"
        )
    return text


def run(options: Namespace) -> int:
    """Do it."""
    if ACTIONS[options.action] != (options.task is not None):
        wrong = (
            f"{options.action} which task? Write its id" if options.task is None else f"{options.task!r} is one word too many"
        )
        raise Misuse(f"{wrong}; see: engine tasks --help")
    if options.action == "ls":
        return _list(options)
    if options.action == "result":
        return _result(options)
    if options.action == "show":
        show_task(options, SCHEMA, request(options, "task", task=options.task))
        return errors.DONE
    facts = request(options, "cancel-task", task=options.task)
    if options.json:
        show_json({"schema": SCHEMA, "task": facts})
    else:
        print(f"{facts['id']} is {facts['state']}")
    return errors.DONE if facts["state"] == "cancelled" else errors.FAILED


def _list(options: Namespace) -> int:
    page = request(options, "tasks", state=options.state, skip=options.skip, limit=min(options.limit, MOST))
    if options.json:
        show_json({"schema": SCHEMA, "skip": options.skip, **page})
        return errors.DONE
    if page["tasks"]:
        show_lines(table(COLUMNS, [row_of(task) for task in page["tasks"]], screen(options)))
    counts = page["counts"]
    parts = ", ".join(f"{figures.count(counts[state])} {state}" for state in (*STATES[2:], "open") if counts[state])
    hint(options, f"{figures.plural(counts['accepted'], 'task')} accepted{f': {parts}' if parts else ''}")
    return errors.DONE


def _result(options: Namespace) -> int:
    said = request(options, "result", task=options.task, wait_s=options.wait)
    if said["state"] == "done":
        show_json({"schema": SCHEMA, **said} if options.json else said["value"])
        return errors.DONE
    raise errors.TaskFailed(errors.Failure(*said["error"]))


def row_of(task: dict[str, Any]) -> list[str]:
    """A task's line of a table."""
    cause = task["cause"]
    shown = "" if cause is None else f"{cause['type']}: {cause['message']}"
    attempts = figures.count(task["attempts"])
    return [task["id"], task["state"], task["agent"], task["method"], attempts, time_of(task["accepted_s"]), shown]


def time_of(seconds: float | None) -> str:
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
        "accepted": time_of(task["accepted_s"]),
        "started": time_of(task["started_s"]),
        "ended": time_of(task["ended_s"]),
        "deadline": None if task["deadline_s"] is None else figures.span(task["deadline_s"]),
        "cause": None if cause is None else f"{cause['type']}: {cause['message']}",
        "requeue of": task["requeue_of"],
        "requeued as": task["requeued_as"],
    }
    if "args" in task:
        import json

        rows["args"] = json.dumps(task["args"], ensure_ascii=False)
    show_lines(
        table((Column(""), Column("")), [[name, text] for name, text in rows.items() if text is not None], screen(options))[1:]
    )
