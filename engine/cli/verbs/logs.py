"""`engine logs`: what happened and what agents said, from the engine's log; and what comes into it."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.cli.listing import Listing
from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import called, command, environment, name_of, request

if TYPE_CHECKING:
    from engine.cli.screen import Screen
    from pools.events import Event

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA, LEVEL_SCHEMA = "engine.logs/v1", "engine.log-level/v1"
#: Lines that are shown before those that follow, unless it is said how many.
BEFORE = 100
#: Levels by name, the least first; the last is for what never comes into the log.
LEVELS = ("debug", "info", "warning", "error", "off")
#: What is said to who gives another.
NONE = f"; there are {', '.join(LEVELS)}"
STYLES = {"debug": "dim", "warning": "yellow", "error": "red"}

ABOUT = About(
    usage="[-f] [--agent GLOB] [--task ID] [--event GLOB] [--level LEVEL]\n"
    "              [--since WHEN] [--until WHEN] [-n N] [--json]\n"
    "  engine logs level [LEVEL | reset] [--agent GLOB | --event GLOB]",
    text="""\
Shows the engine's log, the oldest line first: what happened (worker.died, engine.ready), what agents printed (agent.print),
logged with ctx.log (agent.log) and failed with (task.failed). It is read from its files, so it is there whether the engine
runs or not. With -f it goes on with what comes, over new files and restarts, until Ctrl-C.

What an agent prints, to standard output or standard error, also in functions and libraries that it calls, is a line under its
name and that of its task. A task that was accepted goes by its id or by what its sender calls it, any other by ctx.task_id.

`engine logs level` says and sets how much something must matter to come into the log, while the engine runs: for everything,
for some agents, or for some events. What is set for agents goes before what is set for events, and that before the rest;
`reset` takes all back. How the log is written stands in pools.yaml under `log`.""",
    examples="""\
  engine logs -n 20
  engine logs -f --agent 'scout/*'
  engine logs --task 5f2c9a01-17 -o ndjson
  engine logs --level warning --since 10m
  engine logs level debug --agent scout/17
  engine logs level error --event agent.print
  engine logs level reset
""",
    actions={"level": "say or set what comes into the log"},
)


def add_arguments(parser: Parser) -> None:
    """Which lines, and from when on."""
    parser.add_argument("action", nargs="?", metavar="level", help="say or set what comes into the log")
    parser.add_argument("to", nargs="?", metavar="LEVEL", help=f"one of {', '.join(LEVELS)}; or reset")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument("--agent", metavar="GLOB", help="of agents, such as scout/17 or 'scout/*'")
    parser.add_argument("--task", metavar="ID", help="of one task")
    parser.add_argument("--event", metavar="GLOB", help="of a name, such as agent.print or 'worker.*'")
    parser.add_argument("--level", type=_level, default="debug", metavar="LEVEL", help="that matter at least as much (debug)")
    parser.add_argument("--since", type=_moment, metavar="WHEN", help="from then on: 10m (ago), 14:30, 2026-11-22T14:30:05")
    parser.add_argument("--until", type=_moment, metavar="WHEN", help="up to then")
    parser.add_argument(
        "-n", "--lines", type=amount("parse_count"), metavar="N", help=f"the last N (all; with -f the last {BEFORE})"
    )
    parser.offer(agent="agents", task="tasks", level=LEVELS, to={"level": (*LEVELS, "reset")})


def _level(text: str) -> str:
    if text not in LEVELS:
        raise ArgumentTypeError(f"{text!r} is no level{meant(text, LEVELS) or NONE}")
    return text


def _moment(text: str) -> float:
    """The seconds since 1970 that a text means: an instant, or a span before now."""
    from engine.cli.moment import read_moment
    from engine.units import parse_seconds

    now_s = time.time()
    try:
        return read_moment(text, now_s)
    except ValueError as refused:
        with suppress(ValueError):  # a number of seconds alone
            return now_s - parse_seconds(text)
        raise ArgumentTypeError(str(refused)) from refused


def run(options: Namespace) -> int:
    """Show it, or set a level."""
    if options.action is not None:
        return _set_level(options)
    environ = environment()
    name = name_of(options, environ)
    from engine.logs.reader import Reader
    from engine.logs.sieve import Sieve
    from engine.paths import find_paths

    until_s = float("inf") if options.until is None else options.until
    sieve = Sieve(options.agent, options.task, options.event, options.level, options.since or 0.0, until_s)
    path = find_paths(name, environ).log
    shown = _Shown(options, name)
    most = BEFORE if options.lines is None and options.follow and options.since is None else options.lines
    with Reader(path) as reader:
        if most is None:
            shown.show(event for event in reader.past() if sieve.passes(event))
        else:
            shown.show(reader.last(most, sieve.passes))
        if not shown.count and not options.follow and not path.exists():
            hint(options, f"{called(name)} has written no log yet; it would be {path}")
        elif not shown.count and not options.follow:
            hint(options, f"nothing of that is in {path}")
        for event in reader.follow() if options.follow else ():
            if event is not None and sieve.passes(event):
                shown.show([event])
            if until_s < time.time():
                break
    shown.end()
    return 0


class _Shown:
    """The lines that are shown. name: of the engine."""

    def __init__(self, options: Namespace, name: str) -> None:
        self._is_json = options.json
        # What is followed has no end, and so is no document.
        self._listing = Listing("ndjson" if options.follow else options.output, SCHEMA, "events")
        self._name = name
        self._screen: Screen = screen(options)
        self.count = 0

    def show(self, events: Iterable[Event]) -> None:
        """Show some more."""
        from engine.logs.line import json_line, text_line

        for event in events:
            self.count += 1
            if self._is_json:
                print(self._listing.part(json_line(event, self._name).encode()).decode(), end="")
            else:
                print(self._painted(text_line(event), event), end="")
        print(end="", flush=True)

    def end(self) -> None:
        """Nothing more is shown."""
        if self._is_json:
            print(self._listing.end({}).decode(), end="", flush=True)

    def _painted(self, line: str, event: Event) -> str:
        style = STYLES.get(event.matters)
        return line if style is None else line.replace(event.matters, self._screen.paint(event.matters, style), 1)


def _set_level(options: Namespace) -> int:
    """Say or set what comes into the log."""
    if options.action != "level":
        raise Misuse(f"there is nothing called {options.action!r} to do{meant(options.action, ['level']) or '; write level'}")
    is_reset = options.to == "reset"
    if options.to is not None and not is_reset and options.to not in LEVELS:
        raise Misuse(f"{options.to!r} is no level{meant(options.to, LEVELS) or f'{NONE}, and reset'}")
    if options.agent is not None and options.event is not None:
        raise Misuse("--agent and --event exclude each other: set one after the other")
    if options.to is None and (options.agent or options.event):
        raise Misuse(f"which level? Give one of {', '.join(LEVELS)}")
    facts = {} if is_reset else {"agent": options.agent, "event": options.event}
    found = request(options, "log-level", level=None if is_reset else options.to, reset=is_reset, **facts)
    if options.json:
        show_json({"schema": LEVEL_SCHEMA, **found})
        return 0
    show_lines([f"everything: {found['level']}", *(_rule(rule) for rule in found["rules"])])
    if found["rules"] and not is_reset:
        hint(options, f"until the engine ends, or: {command(name_of(options, environment()), 'logs level reset')}")
    return 0


def _rule(rule: dict[str, Any]) -> str:
    return f"{rule['what']} {rule['pattern']}: {rule['level']}"
