"""`engine checkpoints`: what is kept of agents, from its files alone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.misuse import Misuse, action_of
from engine.cli.parser import About, Parser
from engine.cli.session import environment, name_of

if TYPE_CHECKING:
    from engine.offline.folder import StoreFolder

__all__ = ["ABOUT", "add_arguments", "run"]

#: What can be done.
ACTIONS = ("ls", "verify", "show", "export", "compact", "repair")
#: What is done with states of agents, not with stores.
OF_AGENTS = ("show", "export")

ABOUT = About(
    usage="""\
ls|verify|compact [--erase] [--data DIR] [--json]
  engine checkpoints show|export AGENT [--data DIR] [--json]
  engine checkpoints export --all [--data DIR]
  engine checkpoints repair [--dry-run] [--data DIR] [--json]""",
    text="""\
Looks at the stores in which the state of agents is kept: one for each worker of each pool, _roster, which says
what agents there are, and _journal, which has the accepted tasks. It reads files only, so it needs no engine, disturbs
none that runs, and loads no class of yours.

  ls       every store: who has it open, what it holds, how it is
  verify   read every byte; names the file and the offset of what is damaged
  show     the state of one agent, and the record it comes from; below it the
           checkpoints that its tasks made (ctx.checkpoint), newest of each kind
  export   the same for programs; --all for every agent, as JSON lines
  compact  fold the logs into snapshots; only of stores that nobody has open;
           with --erase nothing is left of what was changed or removed before
  repair   cut off what a crash left of the last write, and keep it aside;
           damage anywhere else is named, never cut

Ends with 4 if something is damaged, with 3 if a store that should be changed is open.""",
    examples="""\
  engine checkpoints ls
  engine checkpoints verify --json | jq '.stores[].damages'
  engine checkpoints show counter/17
  engine checkpoints export --all > states.jsonl
  engine stop && engine checkpoints compact --erase
  engine checkpoints repair --dry-run
""",
    actions={
        "ls": "every store: who has it open, what it holds, how it is",
        "verify": "read every byte, and name what is damaged",
        "show": "the state of one agent, and where it comes from",
        "export": "the same for programs, of one or --all",
        "compact": "fold the logs into snapshots",
        "repair": "cut off what a crash left of the last write",
    },
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with which stores."""
    parser.add_argument("action", type=action_of(ACTIONS), metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("agent", nargs="?", metavar="AGENT", help="kind/key, for show and export")
    parser.add_argument("--all", action="store_true", help="export every agent")
    parser.add_argument("--dry-run", action="store_true", help="repair: say what would be cut off, and cut nothing")
    parser.add_argument("--erase", action="store_true", help="compact: remove what is kept in case the snapshots are damaged")
    parser.add_argument("--store", metavar="POOL/N", help="only this store, such as p1/0")
    parser.add_argument("--data", metavar="DIR", help="the data directory (default: that of the engine)")
    parser.offer(agent={"show": "agents", "export": "agents"}, data="folders")


def run(options: Namespace) -> int:
    """Do it."""
    _check(options)
    if options.action in OF_AGENTS:
        from engine.cli import statejobs

        return statejobs.run(options, *_stores(options))
    from engine.cli import storejobs

    return storejobs.run(options, *_stores(options))


def _check(options: Namespace) -> None:
    """Raises Misuse for words that the action does not take."""
    takes_agent = options.action in OF_AGENTS
    if options.all and options.action != "export":
        raise Misuse(f"--all is for export, not for {options.action}")
    if options.erase and options.action != "compact":
        raise Misuse(f"--erase is for compact, not for {options.action}")
    if options.dry_run and options.action != "repair":
        raise Misuse(f"--dry-run is for repair, not for {options.action}")
    if options.agent is not None and (options.all or not takes_agent):
        raise Misuse(f"{options.agent!r} is one word too many; see: engine checkpoints --help")
    if takes_agent and options.agent is None and not options.all:
        everything = ", or --all" if options.action == "export" else ""
        raise Misuse(f"{options.action} what? Write kind/key, such as counter/17{everything}")


def _stores(options: Namespace) -> tuple[Path, list[StoreFolder]]:
    """The data directory, and the stores of it that are meant. Raises Misuse for one that does not exist."""
    from engine.offline.folder import find_stores

    data = _data(options)
    stores = find_stores(data)
    if options.store is None:
        return data, [store for store in stores if store.is_agents or options.action not in OF_AGENTS]
    chosen = [store for store in stores if store.name == options.store]
    if not chosen:
        there = ", ".join(store.name for store in stores) or "none"
        raise Misuse(f"{data} has no store {options.store!r}; there are: {there}")
    return data, chosen


def _data(options: Namespace) -> Path:
    if options.data is not None:
        data = Path(options.data)
        if not data.is_dir():
            raise Misuse(f"--data {data}: there is no such directory")
        if (data / "MANIFEST").exists():
            raise Misuse(f"--data {data}: this is a store; give the directory above its pool")
        return data
    from engine.paths import find_paths

    environ = environment()
    return find_paths(name_of(options, environ), environ).data
