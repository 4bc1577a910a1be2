"""`engine stats`: everything counted, once or again and again."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from engine.cli.misuse import Misuse
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
    usage="[--overview] [--watch [SECONDS] | --at WHEN] [--json]",
    text="""\
Prints one snapshot: agents by state, the six counts of tasks, latencies, workers and memory. The counts of tasks are read
at one moment: accepted = done + failed + cancelled + expired + open. Latency is from sending to answer, since the start.
Errors are tasks that failed in a worker and workers that ended by themselves; recoveries are agents that were restarted,
replaced, well after a trial or released, and workers that came back. Their rates are of the last 60 s.
With --overview it is what a person looks at first: agents by what they do, tasks with their success, rates of the last
minute, resources, cost, impact of sprints, who did most, alerts. What is not known is a dash, in JSON null.
With --watch a terminal shows it anew until Ctrl-C, with rates; elsewhere each snapshot is a line of JSON.

With --at it is a snapshot that was recorded then: the last one that is not after that instant, exactly as it was shown. An
engine records one each second, for 24 hours, and each that somebody asks for; what was recorded can be looked at while no
engine runs, too. WHEN is 'now', '10 minutes ago', 'half an hour ago', -90s, 14:30 or 2:30pm (the last one that has passed),
'yesterday 14:30', '22 Nov 14:30', 2026-11-22T14:30:05 (with a zone behind it, else in yours), or the time_s of a snapshot. In a
gap, where nothing was recorded, nothing is shown: the instants beside it are named.""",
    examples="  engine stats\n  engine stats --watch 1\n  engine stats --overview\n  engine stats --at '10 minutes ago'\n"
    "  engine stats --json | jq .tasks",
)


def add_arguments(parser: Parser) -> None:
    """What, how often, or when."""
    parser.add_argument("--overview", action="store_true", help="what a person looks at first, from the same counts")
    parser.add_argument("--at", metavar="WHEN", help="as it was then, such as '10 minutes ago' or 14:30")
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
    if options.at is not None:
        if options.watch is not None:
            raise Misuse("what was recorded does not change: give --at or --watch; see: engine stats --help")
        _show_past(options)
    elif options.watch is None:
        snapshot = request(options, "overview" if options.overview else "stats")
        _show_one(options, snapshot)
    elif options.json or not sys.stdout.isatty():
        talk(options, lambda client: _watch_lines(client, options), patience_s=0)
    else:
        talk(options, lambda client: _watch_panel(client, options), patience_s=0)
        return INTERRUPTED
    return 0


def _show_one(options: Namespace, snapshot: dict[str, Any]) -> None:
    if options.json:
        show_json(snapshot)
        return
    show_lines(_lines(options, snapshot, None))


def _lines(options: Namespace, snapshot: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    if options.overview:
        from engine.cli.overviewlines import overview_lines

        return overview_lines(snapshot, screen(options))
    from engine.cli.panel import panel

    return panel(snapshot, before, screen(options))


def _show_past(options: Namespace) -> None:
    from engine.cli.lookback import heading, look

    found = look(options, options.at)
    if not options.json:
        show_lines([heading(found), ""])
    _show_one(options, found.document["overview" if options.overview else "stats"])


async def _watch_lines(client: Client, options: Namespace) -> None:
    from asyncio import sleep

    while True:
        show_json(await client.request("overview" if options.overview else "stats"))
        await sleep(options.watch)


async def _watch_panel(client: Client, options: Namespace) -> None:
    """Draw until Ctrl-C. However often that comes, the terminal is left as it was."""
    from asyncio import CancelledError, current_task, get_running_loop, sleep

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
            snapshot = await client.request("overview" if options.overview else "stats")
            lines = _lines(options, snapshot, before)
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
