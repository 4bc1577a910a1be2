"""`engine monitor`: the dashboard."""

from __future__ import annotations

import errno
import os
import sys
from argparse import Namespace
from importlib import import_module
from typing import Any

from engine.cli.misuse import Misuse
from engine.cli.output import screen, show_json, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import environment, name_of, request
from engine.errors import NotRunning

__all__ = ["ABOUT", "add_arguments", "run"]

#: Where the dashboard begins, on a terminal and in a browser. It stands above the command line, which knows its names alone.
DOOR, WEB = "engine.dashboard.door", "engine.dashboard.web"
#: Seconds between two looks at least: an engine that is asked more often is kept from its work.
LEAST_S = 0.2
#: Seconds between two tries while an engine is waited for.
AGAIN_S = 0.2
#: Where a browser finds it unless told otherwise.
PORT, PORTS = 8_000, 65_535

ABOUT = About(
    usage="""\
[-d SECONDS] [--wait] [--once [--json]] [--web [--port PORT]]
                 [--record FILE | --replay FILE]""",
    text="""\
Shows in the terminal how the engine does: one look over everything, then each pool, worker, agent, task and sprint, live, or
as it was some minutes or hours ago. It reads what is counted anyway. It can be ended at any time, and goes on by itself when
the engine was started anew. The ? key shows all keys.

With --record what is shown is written to a file too, once a second; with --replay such a file is shown, without an engine.
With --once it prints one overview as text, or as JSON, and ends. With --web a browser on this machine shows it; from another
one: ssh -L 8000:127.0.0.1:8000 HOST. NO_COLOR is heeded. Without a running engine it ends with 3.""",
    examples="""\
  engine monitor
  engine monitor -d 5 --wait
  engine monitor --once --json | jq .alerts
  engine monitor --record monday.rewind
  engine monitor --replay monday.rewind
  engine monitor --web""",
)


def add_arguments(parser: Parser) -> None:
    """How often, and where to."""
    parser.add_argument(
        "-d", "--delay", type=amount("parse_seconds"), default=1.0, metavar="SECONDS", help="between two looks (1)"
    )
    parser.add_argument("--wait", action="store_true", help="wait for the engine if none runs")
    parser.add_argument("--once", action="store_true", help="print one overview and end; so does --json")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--record", metavar="FILE", help="write what is shown to a file, or to its end")
    group.add_argument("--replay", metavar="FILE", help="show such a file")
    parser.add_argument("--web", action="store_true", help="show it in a browser on this machine")
    parser.add_argument("--port", type=amount("parse_count"), default=None, metavar="PORT", help=f"--web: where ({PORT})")


def run(options: Namespace) -> int:
    """Show it. Raises NotRunning where no engine runs, Misuse."""
    if options.delay < LEAST_S:
        raise Misuse(f"every {options.delay:g} s is too often: give -d {LEAST_S:g} or more")
    if options.port is not None and not (options.web and 0 < options.port <= PORTS):
        raise Misuse(f"--port is for --web, and is a number from 1 to {PORTS:,}")
    if options.record and (options.once or options.json or options.web):
        raise Misuse("--record writes what a dashboard shows: it goes with neither --once nor --web")
    if options.once or options.json:
        return _once(options)
    if options.web:
        return _web(options)
    if not _has_terminal():
        raise Misuse("there is no terminal to show it on; for one overview as text: engine monitor --once")
    if not (options.wait or options.replay):
        request(options, "hello")
    environ = environment()
    has_colour = not (options.no_color or environ.get("NO_COLOR"))
    door = import_module(DOOR)
    files = {"record": options.record, "replay": options.replay}
    code: int = door.watch(name_of(options, environ), environ, interval_s=options.delay, has_colour=has_colour, **files)
    return code


def _has_terminal() -> bool:
    """Whether there is somebody to see it; in a browser's service there is a terminal of its own kind."""
    return bool(os.environ.get("TEXTUAL_DRIVER")) or (sys.stdin.isatty() and sys.stdout.isatty())


def _once(options: Namespace) -> int:
    """Print one overview."""
    from engine.cli.overviewlines import overview_lines

    if options.replay:
        overview = _replayed(options.replay)
    else:
        overview = _waited(options) if options.wait else request(options, "overview")
    if options.json:
        show_json(overview)
    else:
        show_lines(overview_lines(overview, screen(options)))
    return 0


def _replayed(path: str) -> Any:
    """The last overview of a recording. Raises RecordingDamaged, NotRecorded, OSError."""
    from engine.rewind.recording import Recording

    recording = Recording(path)
    return recording.at(max(recording.instants(), default=0.0)).document["overview"]


def _waited(options: Namespace) -> Any:
    """The overview of an engine that may not run yet."""
    import time

    while True:
        try:
            return request(options, "overview")
        except NotRunning:
            time.sleep(AGAIN_S)


def _web(options: Namespace) -> int:
    """Have a browser show it: for each visitor the same command runs without a browser."""
    try:
        served = import_module(WEB)
    except ModuleNotFoundError as missing:
        raise Misuse("a browser needs an extra: pip install 'microagent-engine[web]'") from missing
    if not (options.wait or options.replay):
        request(options, "hello")
    words = [sys.executable, "-P", "-m", "engine", "monitor", "--wait", "-d", f"{options.delay:g}"]
    words += ["--replay", options.replay] if options.replay else ["--name", name_of(options, environment())]
    words += ["--no-color"] if options.no_color else []
    port = options.port or PORT
    try:
        code: int = served.serve(words, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise Misuse(f"port {port} cannot be had ({error.strerror}): name another one with --port") from error
    return code
