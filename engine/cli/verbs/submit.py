"""`engine submit`: many tasks in, the ids under which they were accepted out."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from engine.cli.parser import About, Parser
from engine.cli.session import talk
from engine.cli.taskfields import TABLE, add_defaults, defaults_of
from engine.cli.taskfile import open_tasks

if TYPE_CHECKING:
    from engine.client import Client

__all__ = ["ABOUT", "add_arguments", "run"]

ABOUT = About(
    usage="FILE|- [--priority P] [--tag TAG ...] [--retries N] [OPTION ...]\n                  [--json]",
    text=f"""\
Has the tasks of a file, or of standard input, accepted, and prints under which id each was. A task is a line of JSON as for
`engine run`, and may say more about how it shall be run:

  {{"id": "a", "agent": "counter/17", "method": "add", "priority": "high"}}
  {{"id": "b", "kind": "counter", "method": "get", "after": ["a"]}}

  {{"id": "a", "task": "3f9ac1d2-17"}}
  {{"id": "b", "task": "3f9ac1d2-18"}}

An accepted task ends, whoever waits: as done, failed (then it is a dead letter, see `engine dlq`), cancelled or expired. It is
written down before it is accepted, as `durability` says, and after a restart of the engine it is offered again under its id:
where state is kept on the disk it is done once. `engine tasks result ID` has its value, `engine why ID` its story. Tasks that
wait for each other are refused, naming the circle (DependencyCycle, exit code 2), with what came with them.

A line may say

{TABLE}

Options such as --priority are for the lines that do not say it themselves. With -o json all ids are one document,
{{"schema": "engine.submit/v1", "tasks": [...], "accepted": 2, "bad_lines": 0}}.

A line that is no task is answered with its number, {{"line": 7, "ok": false, ...}}, and the others are accepted; the exit code
is 1 then. So is one whose id another task has, one for a kind that there is not, and one that is too large: the exit code is 2,
and the first of these errors is told at the end.

On a full disk, or with too many open tasks, nothing more is accepted, and the exit code is 3.""",
    examples="""\
  engine submit tasks.jsonl > ids.jsonl
  engine submit nightly.jsonl --priority low --tag nightly --retries 3
  engine run --detach tasks.jsonl
  engine tasks result "$(engine submit one.jsonl | jq -r .task)" --wait 30s
""",
)


def add_arguments(parser: Parser) -> None:
    """Which tasks."""
    parser.add_argument("tasks", metavar="FILE", help="a file of JSON lines; - is standard input")
    add_defaults(parser)
    parser.offer(tasks="files", priority=("low", "normal", "high", "critical"))


def run(options: Namespace) -> int:
    """Have them accepted."""
    defaults = defaults_of(options)
    descriptor = open_tasks(options.tasks)

    async def say(client: Client) -> int:
        from engine.cli.handover import hand_over

        return await hand_over(client, options, descriptor, defaults)

    return talk(options, say, is_fast=True)
