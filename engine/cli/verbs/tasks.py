"""`engine tasks`: what became of accepted tasks."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser, amount
from engine.cli.session import request
from engine.cli.taskrows import show_task, show_tasks

__all__ = ["ABOUT", "add_arguments", "run"]

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
has it; then it ends as done, failed, cancelled or expired. Of those that have ended the newest 50,000 are kept.

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
    show_tasks(options, page["tasks"])
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
