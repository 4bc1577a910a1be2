"""`engine dlq`: accepted tasks that failed, another attempt for them, or their end."""

from __future__ import annotations

import sys
from argparse import Namespace

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, action_of
from engine.cli.output import hint, show_document, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import request
from engine.cli.sure import is_sure, must_ask
from engine.cli.taskrows import show_task, show_tasks

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.dlq/v1"
ACTIONS = ("ls", "show", "requeue", "drop")
#: Dead letters on a page unless more are asked for, and that the engine sends at once.
LIMIT, MOST = 100, 10_000

ABOUT = About(
    usage="""\
[ls] [--limit N] [--skip N] [--json]
  engine dlq show TASK [--json]
  engine dlq requeue TASK ...|--all [--json]
  engine dlq drop TASK ...|--all [--yes] [--json]""",
    text="""\
Looks at the dead letters: accepted tasks that failed, each with its cause and its arguments. The newest 10,000 are kept.

  ls       a page of them, the newest first
  show     one, with its arguments
  requeue  try it again, as a task with an id of its own: whatever it did
           outside of its agent before it failed may be done again
  drop     it is a dead letter no more; it stays among the failed tasks.
           What waits for it to be tried again fails""",
    examples="""\
  engine dlq
  engine dlq show 3f9ac1d2-17
  engine dlq requeue --all --json | jq -r '.requeued[].requeued_as'
  engine dlq drop --all --yes
""",
    actions={
        "ls": "a page of them, the newest first",
        "show": "one, with its arguments",
        "requeue": "try them again",
        "drop": "let them be dead letters no more",
    },
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with which of them."""
    parser.add_argument(
        "action", nargs="?", type=action_of(ACTIONS), default="ls", metavar="ACTION", help=f"one of {', '.join(ACTIONS)} (ls)"
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="which: ids, or what their senders called them")
    parser.add_argument("--all", action="store_true", help="requeue or drop every dead letter")
    parser.add_argument("--yes", action="store_true", help="drop: do not ask first")
    parser.add_argument(
        "--limit", type=amount("parse_count"), default=LIMIT, metavar="N", help=f"most of them ({LIMIT}; up to {MOST:,})"
    )
    parser.add_argument("--skip", type=amount("parse_count"), default=0, metavar="N", help="dead letters to pass over first")
    parser.offer(tasks={"show": "letters", "requeue": "letters", "drop": "letters"})


def run(options: Namespace) -> int:
    """Do it."""
    _check(options)
    if options.action == "ls":
        return _list(options)
    if options.action == "show":
        show_task(options, SCHEMA, request(options, "letter", task=options.tasks[0]))
        return errors.DONE
    if options.action == "drop":
        return _drop(options)
    done = request(options, "requeue", tasks=options.tasks, all=options.all)
    if options.json:
        show_document(options, {"schema": SCHEMA, "requeued": done}, "requeued")
        return errors.DONE
    if done:
        show_lines(f"{each['id']} is tried again as {each['requeued_as']}" for each in done)
    else:
        hint(options, "no dead letters")
    return errors.DONE


def _check(options: Namespace) -> None:
    """Raises Misuse for words that the action does not take."""
    count = len(options.tasks)
    if options.all and (options.action not in ("requeue", "drop") or count):
        raise Misuse("--all is for requeue and drop, in place of ids; see: engine dlq --help")
    if options.action == "ls" and count:
        raise Misuse(f"{options.tasks[0]!r} is one word too many; see: engine dlq --help")
    if options.action == "show" and count != 1:
        raise Misuse("show which dead letter? Write one id; see: engine dlq ls")
    if options.action in ("requeue", "drop") and not count and not options.all:
        raise Misuse(f"{options.action} what? Write ids, or --all; see: engine dlq ls")


def _drop(options: Namespace) -> int:
    """Have dead letters be none any more."""
    if must_ask(options, "drop lets dead letters go"):
        what = "all dead letters" if options.all else figures.plural(len(options.tasks), "dead letter")
        if not is_sure(f"drop {what} for good? What waits for them to be tried again fails."):
            print("nothing was dropped", file=sys.stderr)
            return errors.FAILED
    done = request(options, "drop", tasks=options.tasks, all=options.all)
    if options.json:
        show_document(options, {"schema": SCHEMA, "dropped": done}, "dropped")
    elif done:
        show_lines(f"{each} is a dead letter no more" for each in done)
    else:
        hint(options, "no dead letters")
    return errors.DONE


def _list(options: Namespace) -> int:
    page = request(options, "dlq", skip=options.skip, limit=min(options.limit, MOST))
    if options.json:
        show_document(options, {"schema": SCHEMA, "skip": options.skip, **page}, "letters")
        return errors.DONE
    show_tasks(options, page["letters"])
    hint(options, figures.plural(page["total"], "dead letter"))
    return errors.DONE
