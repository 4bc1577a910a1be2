"""`engine start`: the engine in the background, without agents."""

from __future__ import annotations

from argparse import Namespace

from engine.cli import figures
from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser
from engine.cli.recovered import show_recovered
from engine.cli.session import called, command, config_of, environment

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.start/v1"

ABOUT = About(
    usage="[-f FILE] [--json]",
    text="""\
Starts the engine of this name in the background and returns when its workers run and its socket takes connections.
`engine spawn` does the same when none runs. An engine that runs already is left alone, and the exit code is 2.""",
    examples="  engine start\n  engine start --name nightly -f pools.yaml",
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Start it."""
    config = config_of(options)
    from engine.daemon import start

    report = start(config, environ=environment(), folder=config.folder)
    workers = sum(pool.workers for pool in config.pools)
    if options.json:
        facts = {"name": config.name, "pid": report.pid, "seconds": report.seconds, "recovered": report.recovered}
        show_json({"schema": SCHEMA, **facts, "pools": len(config.pools), "workers": workers, "file": str(config.file)})
        return 0
    print(
        f"started {called(config.name)} (pid {report.pid}) in {figures.span(report.seconds)}: "
        f"{figures.plural(workers, 'worker')} in {figures.plural(len(config.pools), 'pool')} of {config.file}"
    )
    show_recovered(report.recovered)
    hint(options, f"next: {command(config.name, 'spawn --count 5000')}")
    return 0
