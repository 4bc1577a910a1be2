"""`engine wait`: return once something is so, for scripts that must not guess."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.cli import figures
from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser, amount
from engine.cli.session import called, environment, name_of
from engine.errors import EngineStopped, LinkClosed, NotRunning

if TYPE_CHECKING:
    from engine.line import Line

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.wait/v1"
#: The one thing that can be waited for.
READY = "ready"
#: Seconds between two looks for an engine that does not run yet.
LOOK_S = 0.05

ABOUT = About(
    usage="ready [--timeout 30s] [--json]",
    text="""\
Returns once the engine runs and each of its workers is ready, also if it is only being started by somebody else. When
that does not come in time the exit code is 3.""",
    examples="  engine wait ready\n  engine wait ready --timeout 5s && engine run tasks.jsonl",
)


def add_arguments(parser: Parser) -> None:
    """What to wait for, and how long."""
    parser.add_argument("condition", type=_condition, metavar="ready", help="what to wait for: that every worker runs")
    parser.add_argument(
        "--timeout", type=amount("parse_seconds"), default=30.0, metavar="TIME", help="how long, such as 250ms, 30s or 5m (30s)"
    )
    parser.offer(condition=(READY,))


def _condition(text: str) -> str:
    if text != READY:
        raise ArgumentTypeError(f"there is nothing called {text!r} to wait for; write {READY}")
    return text


def run(options: Namespace) -> int:
    """Wait."""
    environ = environment()
    name = name_of(options, environ)
    from engine.line import Line

    began_s = time.monotonic()
    _ready(lambda: Line(name, environ, timeout_s=options.timeout + 1), options.timeout)
    waited_s = time.monotonic() - began_s
    if options.json:
        show_json({"schema": SCHEMA, "name": name, "condition": options.condition, "seconds": waited_s})
    else:
        hint(options, f"{called(name)} is ready, after {figures.span(waited_s)}")
    return 0


def _ready(line_of: Callable[[], Line], timeout_s: float) -> None:
    """Return once every worker runs. Raises NotRunning after timeout_s seconds."""
    deadline_s = time.monotonic() + timeout_s
    absent: Exception | None = None
    while True:
        left_s = max(deadline_s - time.monotonic(), 0.001)
        try:
            with line_of() as line:
                if line.request("ready", timeout_s=left_s):
                    return
                raise NotRunning("not every worker runs; see: engine ps")
        except (NotRunning, EngineStopped, LinkClosed) as error:
            absent = error
        if time.monotonic() + LOOK_S > deadline_s:
            raise NotRunning(f"not ready within {timeout_s:g} s: {absent}") from absent
        time.sleep(LOOK_S)
