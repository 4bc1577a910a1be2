"""`engine tasks`: what became of accepted tasks."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, action_of
from engine.cli.output import hint, show_document, show_json, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import request
from engine.cli.taskrows import show_task, show_tasks

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.tasks/v1"
#: What can be done, and with how many tasks.
ACTIONS = {"ls": "none", "show": "one", "result": "one", "cancel": "some", "retry": "some"}
#: Tasks on a page unless more are asked for, and that the engine sends at once.
LIMIT, MOST = 100, 10_000
#: Seconds that `--wait` waits where it is not told how long.
WAIT_S = 86_400.0
#: States that a task may have.
STATES = ("queued", "waiting", "running", "done", "failed", "cancelled", "expired")
#: What the page of `ls` may be cut down to, beside the state.
ONLY = ("tag", "tenant", "kind")

ABOUT = About(
    usage="""\
[ls] [--state STATE] [--tag TAG] [--tenant T] [--kind KIND]
                  [--limit N] [--skip N] [--json]
  engine tasks show TASK [--json]
  engine tasks result TASK [--wait [TIME]] [--json]
  engine tasks cancel|retry TASK ... [--json]""",
    text="""\
Looks at the tasks that were accepted (`engine submit`, `engine run --detach`), named by the id that `submit` gave them, or by
what their sender called them. Of those that have ended the newest 50,000 are kept.

  ls      a page of them, the newest first
  show    one with the time of each change, its attempts and its cause
  result  its value, as JSON; ends with 3 while there is none, with 1 if
          the task failed, was cancelled or expired
  cancel  take them back, also one that runs, if its agent can be stopped;
          ends with 1 if one was not cancelled, as it had ended before
          (TaskEnded), with 2 if one is not known; the others are cancelled
  retry   try those again that failed, were cancelled or expired, as tasks
          with ids of their own

A task is

  queued     until its worker has room
  waiting    for other tasks, until its time, or until its next attempt
  running    with its worker; there it may still wait for its turn
  done       it has a value
  failed     its error stands in the dead letters (engine dlq)
  cancelled  it was taken back
  expired    its deadline came first, or its last attempt took too long""",
    examples="""\
  engine tasks --state waiting --tag nightly
  engine tasks show 3f9ac1d2-17
  engine tasks result nightly-report --wait 30s
  engine tasks cancel nightly-report
  engine tasks --json | jq .counts
""",
    actions={
        "ls": "a page of them, the newest first",
        "show": "one, with its attempts and its cause",
        "result": "its value, as JSON",
        "cancel": "take them back",
        "retry": "try those again that failed",
    },
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with which tasks."""
    parser.add_argument(
        "action", nargs="?", type=action_of(ACTIONS), default="ls", metavar="ACTION", help=f"one of {', '.join(ACTIONS)} (ls)"
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="which: ids, or what their senders called them")
    parser.add_argument("--state", choices=STATES, metavar="STATE", help=f"only these: {', '.join(STATES)}")
    parser.add_argument("--tag", metavar="TAG", help="only those with this tag")
    parser.add_argument("--tenant", metavar="TENANT", help="only those of this tenant")
    parser.add_argument("--kind", metavar="KIND", help="only those for agents of this kind")
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
    parser.offer(tasks={"show": "tasks", "result": "tasks", "cancel": "tasks", "retry": "tasks"}, kind="kinds")


def run(options: Namespace) -> int:
    """Do it."""
    _check(options)
    if options.action == "ls":
        return _list(options)
    if options.action == "result":
        return _result(options)
    if options.action == "cancel":
        return _cancel(options)
    if options.action == "retry":
        return _retry(options)
    show_task(options, SCHEMA, request(options, "task", task=options.tasks[0]))
    return errors.DONE


def _check(options: Namespace) -> None:
    """Raises Misuse for words that the action does not take."""
    count, takes = len(options.tasks), ACTIONS[options.action]
    if takes != "none" and not count:
        raise Misuse(f"{options.action} which task? Write its id; see: engine tasks --help")
    most = {"none": 0, "one": 1}.get(takes, count)
    if count > most:
        raise Misuse(f"{options.tasks[most]!r} is one word too many; see: engine tasks --help")


def _cancel(options: Namespace) -> int:
    """Take each of them back, also where one before cannot be. Raises why the first of those cannot."""
    all_facts: list[dict[str, Any]] = []
    refusals: list[errors.EngineError] = []
    for task in options.tasks:
        try:
            all_facts.append(request(options, "cancel-task", task=task))
        except errors.TaskEnded as error:
            all_facts.append(request(options, "task", task=task))
            refusals.append(error)
        except (errors.UnknownTask, errors.ResultGone) as error:
            refusals.append(error)
    if options.json and all_facts:
        more = {"task": all_facts[0]} if len(options.tasks) == 1 else {}
        show_document(options, {"schema": SCHEMA, **more, "tasks": all_facts}, "tasks")
    else:
        show_lines(f"{facts['id']} is {facts['state']}" for facts in all_facts)
    if refusals:
        raise refusals[0]
    return errors.DONE if all(facts["state"] == "cancelled" for facts in all_facts) else errors.FAILED


def _retry(options: Namespace) -> int:
    done = request(options, "requeue", tasks=options.tasks)
    if options.json:
        show_document(options, {"schema": SCHEMA, "requeued": done}, "requeued")
    else:
        show_lines(f"{each['id']} is tried again as {each['requeued_as']}" for each in done)
    return errors.DONE


def _list(options: Namespace) -> int:
    only = {name: getattr(options, name) for name in ONLY}
    page = request(options, "tasks", state=options.state, **only, skip=options.skip, limit=min(options.limit, MOST))
    if options.json:
        show_document(options, {"schema": SCHEMA, "skip": options.skip, **page}, "tasks")
        return errors.DONE
    show_tasks(options, page["tasks"])
    counts = page["counts"]
    parts = ", ".join(f"{figures.count(counts[state])} {state}" for state in (*STATES[3:], "open") if counts[state])
    hint(options, f"{figures.plural(counts['accepted'], 'task')} accepted{f': {parts}' if parts else ''}")
    return errors.DONE


def _result(options: Namespace) -> int:
    said = request(options, "result", task=options.tasks[0], wait_s=options.wait)
    if said["state"] == "done":
        show_json({"schema": SCHEMA, **said} if options.json else said["value"])
        return errors.DONE
    raise errors.TaskFailed(errors.Failure(*said["error"]))
