"""`engine why`: why an accepted task stands as it does."""

from __future__ import annotations

from argparse import Namespace

from engine import errors
from engine.cli.output import show_json
from engine.cli.parser import About, Parser
from engine.cli.session import request
from engine.cli.why import show_why

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.why/v1"

ABOUT = About(
    usage="TASK [--json]",
    text="""\
Tells the story of an accepted task, named by its id or by what its sender called it: what was asked, what it waited for, each
attempt with its time, its agent and its cause, where it runs, what holds it up, and where its time went:

  waited for other tasks  until those of its "after" had ended
  waited for its time     then, until its delay_s was over
  waited for room         then, until a worker took it
  with its worker         in all its attempts, its turn there included
  between attempts        backoff, and room again

Of attempts the newest 20 are known; of those before a restart of the engine only how many they were, unless the task has
ended.""",
    examples="""\
  engine why nightly-report
  engine why 3f9ac1d2-17 --json | jq .time
  engine why "$(engine tasks --state waiting --json | jq -r '.tasks[0].id')"
""",
)


def add_arguments(parser: Parser) -> None:
    """Which task."""
    parser.add_argument("task", metavar="TASK", help="its id, or what its sender called it")
    parser.offer(task="tasks")


def run(options: Namespace) -> int:
    """Tell it."""
    told = request(options, "why", task=options.task)
    if options.json:
        show_json({"schema": SCHEMA, **told})
    else:
        show_why(options, told)
    return errors.DONE
