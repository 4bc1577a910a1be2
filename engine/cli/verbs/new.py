"""`engine new`: one more agent, in a file of its own."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from engine.cli.kindline import add_kind
from engine.cli.misuse import Misuse
from engine.cli.output import hint, show_json
from engine.cli.parser import About, Parser
from engine.cli.session import command
from engine.cli.starter import agent_file, class_of, kind_of, proof_file
from engine.cli.writing import replace, write_new

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.new/v1"

ABOUT = About(
    usage="agent NAME [--async | --durable] [--test] [--add] [--dir DIR]\n                   [--force] [--json]",
    text="""\
Writes an agent with comments into a file of its own, NAME.py, and says how to begin with it. NAME may be written price_watcher,
price-watcher or PriceWatcher; names that Python or the engine have already are refused.

  --async    its task waits for something
  --durable  its task has steps, which are never run twice after a crash
  --test     a test beside it, test_NAME.py
  --add      a line for it in the kinds of pools.yaml, which stays as it is
             otherwise""",
    examples="""\
  engine new agent price_watcher
  engine new agent Scout --durable --test --add
  engine new agent clerk --async --dir agents
""",
    actions={"agent": "one more agent, in a file of its own"},
)


def add_arguments(parser: Parser) -> None:
    """What it is called, and what it shows."""
    parser.add_argument("what", choices=("agent",), metavar="agent", help="what is made")
    parser.add_argument("agent", metavar="NAME", help="its kind, such as price_watcher")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--async", dest="is_async", action="store_true", help="with a task that waits")
    group.add_argument("--durable", action="store_true", help="with a task in steps")
    parser.add_argument("--test", action="store_true", help="a test beside it")
    parser.add_argument("--add", action="store_true", help="name it in pools.yaml")
    parser.add_argument("--dir", default=".", metavar="DIR", help="the folder (the current one)")
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    parser.offer(dir="folders")


def run(options: Namespace) -> int:
    """Write it."""
    folder = Path(options.dir)
    kind = kind_of(options.agent, folder)
    flavour = "durable" if options.durable else "async" if options.is_async else "plain"
    files = {f"{kind}.py": agent_file(kind, flavour)} | ({f"test_{kind}.py": proof_file(kind)} if options.test else {})
    reference = f"{folder / f'{kind}.py'}:{class_of(kind)}"
    pools = Path(options.file or "pools.yaml")
    added = None
    if options.add:
        if not pools.is_file():
            raise Misuse(f"there is no {pools} to add it to; make one: engine init")
        added = add_kind(pools, kind, _beside(pools, folder / f"{kind}.py", class_of(kind)))
    written = write_new(folder, files, is_forced=options.force)
    if added is not None:
        replace({pools: added})
    if options.json:
        facts = {"kind": kind, "class": class_of(kind), "written": [str(folder / name) for name in written]}
        show_json({"schema": SCHEMA, **facts, "added_to": None if added is None else str(pools)})
        return 0
    print(f"wrote {', '.join(str(folder / name) for name in written)}" if written else "nothing to write: it is there already")
    if added is not None:
        print(f"{pools} has the kind {kind} now")
    use = "" if options.add else f"--use {reference} "
    steps = (
        command("engine", f"spawn {use}--count 10" if use else f"spawn {kind} --count 10"),
        f"engine ask {kind}/0 work one",
    )
    hint(options, "\n".join(f"{'next:' if not at else '':<6}{step}" for at, step in enumerate(steps)))
    return 0


def _beside(pools: Path, file: Path, name: str) -> str:
    """How a file is named in pools.yaml: from its folder, where it stands in it."""
    home = pools.absolute().parent
    place = file.absolute()
    return f"{place.relative_to(home) if place.is_relative_to(home) else place}:{name}"
