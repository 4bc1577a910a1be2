"""`engine init`: a folder with all that a first swarm needs."""

from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path

from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser
from engine.cli.starter import first_files
from engine.cli.writing import write_new

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.init/v1"
#: What to type in the folder, one after the other.
NEXT = (
    "engine spawn account --count 100",
    "engine run tasks.jsonl",
    "engine ask account/0 statement",
    "engine stop",
)

ABOUT = About(
    usage="[DIR] [--force] [--json]",
    text="""\
Writes a pools.yaml with comments, an agent with a test, and some tasks for it, into DIR or the current folder, and says what to
type next. Files that are there already are left as they are, and the exit code is 2; --force writes over them. The same
again changes nothing.""",
    examples="  engine init swarm\n  engine init --force",
)


def add_arguments(parser: Parser) -> None:
    """Where."""
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="the folder, which is made (the current one)")
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    parser.offer(folder="folders")


def run(options: Namespace) -> int:
    """Write them."""
    folder = Path(options.folder)
    files = first_files()
    changed = write_new(folder, files, is_forced=options.force)
    steps = [*([] if folder == Path() else [f"cd {shlex.quote(options.folder)}"]), *NEXT]
    if options.json:
        show_json({"schema": SCHEMA, "folder": str(folder.absolute()), "written": changed, "next": steps})
        return 0
    where = "" if folder == Path() else f" in {folder}"
    print(f"wrote {', '.join(changed)}{where}" if changed else f"nothing to write: all of it is there already{where}")
    hint(options, "\n".join(f"{'next:' if not at else '':<6}{step}" for at, step in enumerate(steps)))
    hint(options, "test: python -m pytest")
    return 0
