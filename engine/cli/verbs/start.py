"""`engine start`: the engine in the background, without agents."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from engine.cli import figures
from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser, add_log_flags
from engine.cli.recovered import show_recovered
from engine.cli.session import add_settings, called, command, config_of, environment

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.start/v1"

ABOUT = About(
    usage="[--keep | --foreground] [--without KIND] [-f FILE]\n               [--set KEY=VALUE ...] [--json]",
    text="""\
Starts the engine of this name in the background and returns when its workers run and its socket takes connections.
`engine spawn` does the same when none runs. An engine that runs already is left alone, and the exit code is 2.

With --keep a small process watches it and starts it again if it dies, a bit later each time, up to five times a minute;
`engine stop` ends both. What the agents were is there again where state is kept (durability: sync or os). --foreground is for
a service manager, which keeps it instead: it returns when the engine has ended, and tells systemd when it is ready, that it
lives, and that it ends; see examples/systemd/engine.service.

An engine does not start without the class of agents that it keeps. If that code is gone for good, --without KIND starts it all
the same: these agents can be listed and removed (engine agents rm), their state stays as it is, and what they are asked fails.
When the last one was removed, the class is asked for no more.""",
    examples="  engine start --keep\n  engine start --name nightly -f pools.yaml\n  engine start --foreground\n"
    "  engine start --without scout && engine agents rm scout/0..99",
)


def add_arguments(parser: Parser) -> None:
    """Who looks after it."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--keep", action="store_true", help="start it again when it dies")
    group.add_argument("--foreground", action="store_true", help="stay, for a service manager such as systemd")
    parser.add_argument("--without", action="append", default=[], metavar="KIND", help="do not load this kind's class")
    add_log_flags(parser)
    add_settings(parser)
    parser.offer(without="kinds")


def run(options: Namespace) -> int:
    """Start it."""
    config = replace(config_of(options), without=frozenset(options.without))
    if options.foreground:
        from engine.foreground import run as run_here

        return run_here(config, environ=environment(), folder=config.folder)
    from engine.daemon import start

    report = start(config, environ=environment(), folder=config.folder, is_kept=options.keep)
    workers = sum(pool.workers for pool in config.pools)
    if options.json:
        facts = {"name": config.name, "pid": report.pid, "seconds": report.seconds, "recovered": report.recovered}
        facts["is_kept"] = options.keep
        show_json({"schema": SCHEMA, **facts, "pools": len(config.pools), "workers": workers, "file": str(config.file)})
        return 0
    print(
        f"started {called(config.name)} (pid {report.pid}) in {figures.span(report.seconds)}: "
        f"{figures.plural(workers, 'worker')} in {figures.plural(len(config.pools), 'pool')} of {config.file}"
    )
    show_recovered(report.recovered)
    if options.keep:
        print(f"it is started again if it dies, until: {command(config.name, 'stop')}")
    hint(options, f"next: {command(config.name, 'spawn --count 5000')}")
    return 0
