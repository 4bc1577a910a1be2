"""`engine run`: many tasks in, their results out."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError, Namespace
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse
from engine.cli.output import hint
from engine.cli.parser import About, Parser, amount
from engine.cli.screen import clean
from engine.cli.session import talk
from engine.cli.taskfile import open_tasks, size_bytes
from engine.errors import LinkClosed

if TYPE_CHECKING:
    from engine.cli.flow import Flow
    from engine.client import Client
    from engine.errors import BadLine

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.run/v1"
#: Tasks in flight: unless told otherwise, and at most.
WINDOW, WINDOW_MOST = 8_192, 1_000_000
#: Seconds that tasks in flight get to end by themselves after the first Ctrl-C.
GRACE_S = 0.5
#: Bad lines that are said on standard error; all of them are among the results.
COMPLAINTS = 10

ABOUT = About(
    usage="FILE|- [--window N | --detach] [--json]",
    text="""\
Sends the tasks of a file, or of standard input, and prints each result as soon as it is there. A task is a line of JSON,
a result too:

  {"id": "a", "agent": "counter/17", "method": "add", "args": [2]}
  {"id": "a", "ok": true, "value": 2}
  {"id": "a", "ok": false, "error": {"type": "ValueError", "message": "..."}}

In place of "agent" there may be a "kind": then the engine chooses one of its agents. "args" is a list, or an object of
arguments by name. A task without an "id" is called by its place in the input, from 0. Where trying again may help, an
error has "retry_after_s". A line that is no task is answered with its number, {"line": 7, "ok": false, ...}, and the
others are done; the exit code is 1 if there was one, or if a task failed. With -o json the results are one document,
{"schema": "engine.run/v1", "results": [...], "done": 2, ...}, which is written while they come.

With --detach the tasks are accepted and nobody waits for them: see `engine submit`.

Ctrl-C stops reading, takes back what has not begun and says how many were done; a second one ends at once.""",
    examples="""\
  engine run tasks.jsonl > results.jsonl
  seq 0 99 | jq -c '{agent: "counter/\\(.)", method: "ping"}' | engine run -
  engine run tasks.jsonl | jq -c 'select(.ok | not)'
  engine run --detach tasks.jsonl
""",
)


def add_arguments(parser: Parser) -> None:
    """Which tasks, and how many at once."""
    parser.add_argument("tasks", metavar="FILE", help="a file of JSON lines; - is standard input")
    parser.add_argument("--window", type=_window, metavar="N", help=f"most tasks in flight ({WINDOW})")
    parser.add_argument("--detach", action="store_true", help="have the tasks accepted, and wait for none of them")
    parser.offer(tasks="files")


def _window(text: str) -> int:
    number: int = amount("parse_count")(text)
    if not 1 <= number <= WINDOW_MOST:
        raise ArgumentTypeError(f"{number:,} is not between 1 and {WINDOW_MOST:,}")
    return number


def run(options: Namespace) -> int:
    """Run the tasks."""
    if options.detach:
        if options.window is not None:
            raise Misuse("--window is for tasks that are waited for, not with --detach")
        from engine.cli.verbs import submit

        return submit.run(options)
    descriptor = open_tasks(options.tasks)
    if descriptor == 0 and sys.stdin.isatty():
        hint(options, "tasks from the terminal, one a line; Ctrl-D ends")
    return talk(options, lambda client: _run(client, options, descriptor), is_fast=True)


async def _run(client: Client, options: Namespace, descriptor: int) -> int:
    import asyncio

    from engine.cli.flow import Flow
    from engine.cli.intake import Intake
    from engine.cli.interrupt import Interrupt
    from engine.cli.listing import Listing
    from engine.cli.outlet import Outlet
    from engine.cli.progress import Progress

    intake, outlet = Intake(descriptor), Outlet(sys.stdout.fileno(), Listing(options.output, SCHEMA, "results"))
    complaints: list[BadLine] = []
    flow = Flow(intake, outlet, complaints.append if options.quiet or options.json else partial(_complain, complaints))
    progress = Progress(flow, size_bytes(descriptor), os.environ, no_colour=options.no_color)
    job = asyncio.ensure_future(flow.run(partial(client.map_batches, window=options.window or WINDOW)))
    shown = None if options.quiet or options.json else asyncio.ensure_future(progress.show())

    def ask_to_end() -> None:
        intake.close()
        if not options.quiet and not options.json:
            progress.end_soon()

    interrupt = Interrupt(ask_to_end, job.cancel, GRACE_S)
    try:
        with suppress(asyncio.CancelledError):
            await job
    finally:
        facts = _facts(flow, progress.seconds, is_interrupted=interrupt.code is not None)
        with suppress(asyncio.CancelledError):
            await outlet.finish(facts)
        interrupt.forget()
        if shown is not None:
            shown.cancel()
            progress.clear()
    _say_end(options, flow, progress.seconds, is_interrupted=interrupt.code is not None)
    if interrupt.code is not None:
        return interrupt.code
    if flow.is_cut:
        await _check_engine(client, flow)
    return errors.FAILED if flow.failed or flow.bad else errors.DONE


async def _check_engine(client: Client, flow: Flow) -> None:
    """Raises LinkClosed where it is the engine that went away, and not one of its workers."""
    try:
        await client.stats()
    except LinkClosed as gone:
        raise LinkClosed(
            f"the engine went away: {figures.plural(flow.done, 'task')} were done; of those that failed with LinkClosed it "
            "is not known whether they ran, and nothing more was sent; see: engine doctor"
        ) from gone


def _facts(flow: Flow, seconds: float, *, is_interrupted: bool) -> dict[str, Any]:
    """What a document says beside its results."""
    counts = {"sent": flow.sent, "done": flow.done, "failed": flow.failed, "taken_back": flow.sent - flow.ended}
    return {"is_interrupted": is_interrupted, "seconds": seconds, **counts, "bad_lines": flow.bad}


def _complain(complaints: list[BadLine], error: BadLine) -> None:
    """Say a bad line, unless there were many already."""
    complaints.append(error)
    if len(complaints) <= COMPLAINTS:
        print(f"engine: {clean(str(error))}", file=sys.stderr)
    elif len(complaints) == COMPLAINTS + 1:
        print("engine: more bad lines are among the results only", file=sys.stderr)


def _say_end(options: Namespace, flow: Flow, seconds: float, *, is_interrupted: bool) -> None:
    """Say what was done, on standard error."""
    taken_back = flow.sent - flow.ended
    parts = [f"{figures.count(flow.done)} done"]
    parts += [f"{figures.count(flow.failed)} failed"] if flow.failed else []
    parts += [figures.plural(flow.bad, "bad line")] if flow.bad else []
    parts += [f"{figures.count(taken_back)} taken back"] if taken_back else []
    if is_interrupted:
        hint(options, f"engine: interrupted after {figures.span(seconds)}: {', '.join(parts)}; nothing more was sent")
    else:
        speed = figures.rate(flow.ended / seconds)
        hint(options, f"engine: {figures.plural(flow.ended, 'task')} in {figures.span(seconds)}, {speed}: {', '.join(parts)}")
