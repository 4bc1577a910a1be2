"""`engine config`: the values that a command would start an engine with, and where each of them came from."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.misuse import Misuse, action_of, meant
from engine.cli.output import hint, screen, show_document, show_json, show_lines
from engine.cli.parser import About, Parser
from engine.cli.session import add_settings, config_of, environment
from engine.cli.table import Column, table

if TYPE_CHECKING:
    from engine.config import Config
    from engine.effective import Value

__all__ = ["ABOUT", "add_arguments", "run"]

#: What the JSON documents of the three actions are called.
SHOW_SCHEMA, PATH_SCHEMA, CHECK_SCHEMA = "engine.config/v1", "engine.config.path/v1", "engine.config.check/v1"
ACTIONS = ("show", "path", "check")

ABOUT = About(
    usage="""\
[show] [KEY ...] [--set KEY=VALUE ...] [--json]
  engine config path [--json]
  engine config check [FILE] [--json]""",
    text="""\
Shows the configuration with which an engine would be started here: each value and its source, which is a flag, a variable,
a line of `.env`, a line of pools.yaml, or the default. An engine that runs keeps the values with which it was started.

  show   every value, or those under a KEY such as pools.p1 or breaker
  path   which file is read, and where everything is kept
  check  whether FILE can be used by itself, whatever flags and variables
         say; without FILE, what a command here would use. What is wrong is
         named with its line and key, and the exit code is 2""",
    examples="""\
  engine config show
  engine config show pools.p1 --set pools.p1.cpu=50%
  engine config show --json | jq '.values[] | select(.source != "default")'
  engine config path
  engine config check pools.yaml
""",
    actions={
        "show": "every value, and where it came from",
        "path": "which file is read, and where everything is kept",
        "check": "whether a file can be used",
    },
)

COLUMNS = (Column("KEY", least=24), Column("VALUE", least=12), Column("SOURCE", least=16))


def add_arguments(parser: Parser) -> None:
    """What to do, and with what."""
    parser.add_argument(
        "action",
        nargs="?",
        type=action_of(ACTIONS),
        default="show",
        metavar="ACTION",
        help=f"one of {', '.join(ACTIONS)} (show)",
    )
    parser.add_argument("words", nargs="*", metavar="KEY|FILE", help="show: only what is under these keys; check: a file")
    add_settings(parser)
    parser.offer(words={"show": "keys", "check": "files"})


def run(options: Namespace) -> int:
    """Do it."""
    most = {"show": len(options.words), "path": 0, "check": 1}[options.action]
    if len(options.words) > most:
        raise Misuse(f"{options.words[most]!r} is one word too many; see: engine config --help")
    if options.action == "show":
        return _show(options, config_of(options))
    return _path(options) if options.action == "path" else _check(options)


def _show(options: Namespace, config: Config) -> int:
    from engine.effective import SOURCES, values_of

    values = values_of(config)
    wanted = [one for one in values if not options.words or any(_is_under(one.key, word) for word in options.words)]
    for word in options.words:
        if not any(_is_under(one.key, word) for one in values):
            known = dict.fromkeys(part for one in values for part in _paths(one.key))
            raise Misuse(f"there is no key {word!r}{meant(word, known) or '; see: engine config show'}")
    if options.json:
        rows = [one._asdict() for one in wanted]
        show_document(options, {"schema": SHOW_SCHEMA, "file": str(config.file), "values": rows}, "values")
        return 0
    show_lines(table(COLUMNS, [[one.key, one.text, _origin(one, config.file)] for one in wanted], screen(options)))
    counts = {source: sum(one.source == source for one in wanted) for source in SOURCES}
    said = ", ".join(f"{count} {'from the ' if source == 'file' else ''}{source}" for source, count in counts.items() if count)
    hint(options, f"\n{figures.plural(len(wanted), 'value')} of {config.file}: {said}")
    return 0


def _paths(key: str) -> list[str]:
    """A key, and what stands above it: pools, pools.p1, pools.p1.cpu."""
    parts = key.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _is_under(key: str, word: str) -> bool:
    return key == word or key.startswith(f"{word.removesuffix('.')}.")


def _origin(one: Value, file: Path) -> str:
    """The place of a value; the file that is read, and those in this folder, are told by their names."""
    return one.origin.replace(str(file), file.name).replace(f"{Path.cwd()}{os.sep}", "")


def _path(options: Namespace) -> int:
    from engine.paths import find_paths

    config = config_of(options)
    paths = find_paths(config.name, environment())
    dotenv = Path.cwd() / ".env"
    places: dict[str, Any] = {
        "file": config.file,
        "folder": config.folder,
        "dotenv": dotenv if dotenv.is_file() else None,
        "data": paths.data,
        "sprints": paths.sprints,
        "log": paths.log,
        "socket": paths.socket,
        "lock": paths.lock,
    }
    shown = {name: None if place is None else str(place) for name, place in places.items()}
    chosen = _chosen_by(options)
    if options.json:
        show_json({"schema": PATH_SCHEMA, "name": config.name, "chosen_by": chosen, **shown})
    else:
        shown["file"] = f"{shown['file']} ({chosen})"
        show_lines(f"{name:<9}{place or '-'}" for name, place in shown.items())
    return 0


def _chosen_by(options: Namespace) -> str:
    """Why this file is read and no other."""
    from engine.config import FILE, VARIABLE

    if options.file is not None:
        return "a flag"
    if os.environ.get(VARIABLE):
        return VARIABLE
    if environment().get(VARIABLE):
        return f"{VARIABLE} in .env"
    return "it is in this folder" if Path(FILE).is_file() else "the engine came with it"


def _check(options: Namespace) -> int:
    from engine.config import load_alone

    config = load_alone(Path(options.words[0])) if options.words else config_of(options)
    agents, workers = sum(pool.agents for pool in config.pools), sum(pool.workers for pool in config.pools)
    facts = {"file": str(config.file), "is_well": True, "pools": len(config.pools), "workers": workers}
    if options.json:
        show_json({"schema": CHECK_SCHEMA, **facts, "agents": agents, "kinds": dict(config.kinds)})
    else:
        pools = f"{figures.plural(len(config.pools), 'pool')} with {figures.plural(workers, 'worker')}"
        print(f"{config.file} can be used: {pools} for {figures.plural(agents, 'agent')}")
    return 0
