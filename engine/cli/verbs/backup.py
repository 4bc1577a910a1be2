"""`engine backup`: a copy of everything that is kept, also while the engine works."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.cli import figures
from engine.cli.meter import Meter
from engine.cli.misuse import Misuse
from engine.cli.output import show_json
from engine.cli.parser import About, Parser
from engine.cli.session import called, environment, name_of

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.backup.made/v1"

ABOUT = About(
    usage="TARGET [--json]",
    text="""\
Copies what the engine keeps into a folder, or into a file whose name ends with .tar; for `engine restore`. The engine may
work meanwhile: what it acknowledged before is in the copy, and all stores are copied as of one moment, for which writing
is held for some milliseconds. Each file is listed with its SHA-256, read back from the disk and compared before the copy has
its name. The classes of your agents and pools.yaml are not in it.""",
    examples="  engine backup /backups/monday\n  engine backup monday.tar --json",
)


def add_arguments(parser: Parser) -> None:
    """Where to."""
    parser.add_argument("target", metavar="TARGET", help="a folder that does not exist or is empty, or NAME.tar")
    parser.offer(target="files")


def run(options: Namespace) -> int:
    """Make it."""
    environ = environment()
    name = name_of(options, environ)
    from engine.backup.copying import copy
    from engine.daemon import is_running
    from engine.paths import find_paths

    began_s = time.monotonic()
    paths = find_paths(name, environ)
    target = Path(options.target).absolute()
    is_live = is_running(paths) is not None
    if not target.parent.is_dir():
        raise Misuse(f"there is no folder {target.parent}")
    if not paths.data.is_dir():
        raise Misuse(f"{called(name)} has kept nothing: there is no {paths.data}")
    try:
        with Meter(options, "backup", figures.flow) as meter:
            made = copy(paths.data, target, name=name, cut=_cut(name, environ) if is_live else None, told=meter.told)
    except FileExistsError as error:
        raise Misuse(f"{target} exists already: give another name") from error
    except FileNotFoundError as error:
        raise Misuse(f"{called(name)} has kept nothing: {error}") from error
    seconds = time.monotonic() - began_s
    if options.json:
        facts = {"name": name, "target": str(target), "was_running": is_live, "made_s": made.made_s, "seconds": seconds}
        show_json({"schema": SCHEMA, **facts, "files": len(made.files), "bytes": made.size_bytes})
    else:
        files = figures.plural(len(made.files), "file")
        print(f"copied {files}, {figures.size(made.size_bytes)}, of {called(name)} to {target} in {figures.span(seconds)}")
    return 0


def _cut(name: str, environ: Mapping[str, str]) -> Callable[[], Mapping[str, list[int]]]:
    """Asks the engine for the moment. Raises Misuse where it keeps nothing."""

    def ask() -> Mapping[str, list[int]]:
        from engine.line import Line

        with Line(name, environ) as line:
            if line.request("hello")["durability"] == "memory":
                raise Misuse(f"{called(name)} keeps its state in memory only: nothing is on the disk (durability: sync or os)")
            places: Mapping[str, list[int]] = line.request("cut")
            return places

    return ask
