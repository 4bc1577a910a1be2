"""`engine restore`: a backup as the engine's data directory."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from engine.cli import figures
from engine.cli.meter import Meter
from engine.cli.misuse import Misuse
from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser
from engine.cli.session import called, command, environment, name_of

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.restore/v1"

ABOUT = About(
    usage="SOURCE [--force] [--json]",
    text="""\
Puts what `engine backup` made in the place of the data directory of this engine, which must not run. Everything is checked
first: each file against the list, and each store as at a start. A data directory that holds something is refused, or moved
aside with --force. The stores get names of their own: their files and those of the original are never taken for each other.

Ends with 4, naming the file, if the backup is damaged; nothing was changed then.""",
    examples="  engine restore /backups/monday\n  engine --name copy restore monday.tar && engine --name copy start",
)


def add_arguments(parser: Parser) -> None:
    """Where from."""
    parser.add_argument("source", metavar="SOURCE", help="the folder or the .tar file of a backup")
    parser.add_argument("--force", action="store_true", help="move a data directory that is not empty aside")
    parser.offer(source="files")


def run(options: Namespace) -> int:
    """Restore it."""
    environ = environment()
    name = name_of(options, environ)
    source = Path(options.source).absolute()
    if not source.exists():
        raise Misuse(f"there is no {source}")
    from engine.backup.restoring import restore
    from engine.daemon import claimed
    from engine.paths import find_paths

    began_s = time.monotonic()
    paths = find_paths(name, environ)
    with claimed(paths):
        try:
            with Meter(options, "restore", figures.flow) as meter:
                inventory, aside = restore(source, paths.data, is_forced=options.force, told=meter.told)
        except FileExistsError as error:
            raise Misuse(f"{error}: --force moves it aside, or restore under another --name") from error
    seconds = time.monotonic() - began_s
    if options.json:
        facts = {"name": name, "source": str(source), "data": str(paths.data), "seconds": seconds, "made_s": inventory.made_s}
        moved = None if aside is None else str(aside)
        show_json({"schema": SCHEMA, **facts, "files": len(inventory.files), "bytes": inventory.size_bytes, "aside": moved})
        return 0
    made = time.strftime("%F %T", time.localtime(inventory.made_s))
    files = f"{figures.plural(len(inventory.files), 'file')}, {figures.size(inventory.size_bytes)}"
    print(f"restored {called(name)} as of {made}: {files}, in {figures.span(seconds)}")
    if aside is not None:
        print(f"what was there is in {aside}")
    hint(options, f"next: {command(name, 'start')}")
    return 0
