"""`engine stats`: everything counted, once or again and again."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from engine.cli.output import screen, show_json, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import request, talk

if TYPE_CHECKING:
    from engine.client import Client

__all__ = ["ABOUT", "add_arguments", "run"]

#: The exit code after Ctrl-C.
INTERRUPTED = 130
#: Seconds between two snapshots, at least: each one reads the memory of every worker.
LEAST_S = 0.1
#: Clears the screen below the cursor; the rest of a line; puts the cursor into the corner; opens and leaves a second screen.
BELOW, REST, CORNER, OPEN, LEAVE = "\x1b[J", "\x1b[K", "\x1b[H", "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"

ABOUT = About(
    usage="[--watch [SECONDS]] [--json]",
    text="""\
Prints one snapshot: agents by state, the six counts of tasks, latencies, workers and memory. The counts of tasks are read
at one moment: accepted = done + failed + cancelled + expired + open. Latency is from sending to answer, since the start.
Errors are tasks that failed in a worker and workers that ended by themselves; recoveries are agents that were restarted,
replaced, well after a trial or released, and workers that came back. Their rates are of the last 60 s.
With --watch a terminal shows it anew until Ctrl-C, with rates; elsewhere each snapshot is a line of JSON.""",
    examples="  engine stats\n  engine stats --watch 1\n  engine stats --json | jq .tasks",
)


def add_arguments(parser: Parser) -> None:
    """How often."""
    parser.add_argument(
        "--watch", nargs="?", type=_interval, const=1.0, metavar="SECONDS", help="again and again, each so many seconds (1)"
    )


def _interval(text: str) -> float:
    seconds: float = amount("parse_seconds")(text)
    if seconds < LEAST_S:
        raise ArgumentTypeError(f"{text!r} is too often: give {LEAST_S:g} or more seconds")
    return seconds


def run(options: Namespace) -> int:
    """Print snapshots."""
    if options.watch is None:
        snapshot = request(options, "stats")
        _show_one(options, snapshot)
    elif options.json or not sys.stdout.isatty():
        talk(options, lambda client: _watch_lines(client, options.watch), patience_s=0)
    else:
        talk(options, lambda client: _watch_panel(client, options), patience_s=0)
        return INTERRUPTED
    return 0


def _show_one(options: Namespace, snapshot: dict[str, Any]) -> None:
    if options.json:
        show_json(snapshot)
        return
    from engine.cli.panel import panel

    show_lines(panel(snapshot, None, screen(options)))


async def _watch_lines(client: Client, interval_s: float) -> None:
    from asyncio import sleep

    while True:
        show_json(await client.stats())
        await sleep(interval_s)


async def _watch_panel(client: Client, options: Namespace) -> None:
    """Draw until Ctrl-C. However often that comes, the terminal is left as it was."""
    from asyncio import CancelledError, current_task, get_running_loop, sleep

    from engine.cli.panel import panel

    before: dict[str, Any] | None = None
    lines: list[str] = []
    loop, watching = get_running_loop(), current_task()
    is_over = False

    def end(_number: int, _frame: object) -> None:
        nonlocal is_over
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if watching is not None:
            is_over = True
            loop.call_soon_threadsafe(watching.cancel)

    signal.signal(signal.SIGINT, end)  # not the loop's, which goes before the process does
    print(OPEN, end="")
    try:
        while True:
            snapshot = await client.stats()
            lines = panel(snapshot, before, screen(options))
            body = "".join(f"{line}{REST}\n" for line in [*lines, "", f"each {options.watch:g} s, Ctrl-C ends"])
            print(f"{CORNER}{body}{BELOW}", end="", flush=True)
            before = snapshot
            await sleep(options.watch)
    except CancelledError:
        if not is_over:
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal is given back first, however often it is asked for
        print(LEAVE, end="", flush=True)
        show_lines(lines)
