"""`engine agents`: the agents, a page at a time; `engine agents rm` and `engine agents quarantine`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine.cli import figures
from engine.cli.misuse import Misuse
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import command, environment, name_of, request
from engine.cli.states import style_of
from engine.cli.table import Column, table

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.agents/v1"
#: Agents on a page unless more are asked for: a few screens.
LIMIT = 100
#: Agents that the engine sends at once.
MOST = 10_000

ABOUT = About(
    usage="""\
[KIND] [--limit N] [--skip N] [--json]
  engine agents rm AGENT|KIND/A..B ... [--yes] [--json]
  engine agents quarantine ls|show AGENT|release AGENT [--json]""",
    text="""\
Lists agents: where each of them lives, how many tasks wait for it, and its status. run: it works on a task; idle: it is
an object that waits; asleep: its state is kept in a few bytes; dormant: it was never asked anything.

rm removes agents and what was kept of them, for good, also from an engine that works: on the disk when it returns.
counter/10..19 are the ten from counter/10 to counter/19. Tasks that one of them has open fail with UnknownAgent. It asks
first on a terminal; elsewhere it takes --yes. One that is not there is no error. A new agent gets the lowest number that is
free, so that `spawn --count 5000` makes up for those that were removed, each as new. Old copies of what was kept leave the
disk as logs are folded; to have them gone at once: engine stop, engine checkpoints compact --erase.

quarantine is about agents whose tasks hang, leak or end their process. On trial an agent runs its tasks in processes of
their own, until three ended well; a parked one takes none until it is released. `show` says what was found, where its code
was, and what was tried.""",
    examples="""\
  engine agents
  engine agents counter --limit 20 --skip 4000
  engine agents --json | jq .kinds
  engine agents quarantine ls
  engine agents quarantine release counter/17
  engine agents rm counter/3 counter/10..19 scout/a
  engine agents rm counter/0..4999 --yes --json
""",
)

COLUMNS = (
    Column("AGENT", least=24),
    Column("POOL", rank=1),
    Column("WORKER"),
    Column("STATUS", style=style_of),
    Column("MAILBOX", is_right=True),
)


def add_arguments(parser: Parser) -> None:
    """Which agents."""
    parser.add_argument(
        "words", nargs="*", metavar="KIND", help="only agents of this kind; or rm, and whom; or quarantine, and what to do"
    )
    parser.add_argument("--yes", action="store_true", help="rm: do not ask first")
    parser.add_argument(
        "--limit", type=amount("parse_count"), default=LIMIT, metavar="N", help=f"most agents ({LIMIT}; up to {MOST:,})"
    )
    parser.add_argument("--skip", type=amount("parse_count"), default=0, metavar="N", help="agents to pass over first")


def run(options: Namespace) -> int:
    """Print a page of agents, remove some, or care for the sick."""
    if options.words[:1] == ["rm"]:
        from engine.cli import removal

        return removal.run(options, options.words[1:])
    if options.yes:
        raise Misuse("--yes is for rm; see: engine agents --help")
    if options.words[:1] == ["quarantine"]:
        from engine.cli import quarantine

        return quarantine.run(options, options.words[1:])
    if len(options.words) > 1:
        raise Misuse(f"{options.words[1]!r} is one word too many; see: engine agents --help")
    options.kind = next(iter(options.words), None)
    limit = min(options.limit, MOST)
    page = request(options, "agents", kind=options.kind, skip=options.skip, limit=limit)
    if options.json:
        show_json({"schema": SCHEMA, "skip": options.skip, **page})
        return 0
    rows = [_row(agent) for agent in page["agents"]]
    if rows:
        show_lines(table(COLUMNS, rows, screen(options)))
    if not options.quiet:
        _say_rest(options, page["total"], len(rows))
    return 0


def _row(agent: dict[str, Any]) -> list[str]:
    return [agent["agent"], agent["pool"], agent["worker"], agent["status"], figures.count(agent["mailbox"])]


def _say_rest(options: Namespace, total: int, shown: int) -> None:
    of_kind, kind = (f" of kind {options.kind}", f" {options.kind}") if options.kind else ("", "")
    name = name_of(options, environment())
    if not total:
        hint(options, f"no agents{of_kind} yet; make some: {command(name, f'spawn{kind} --count 5000')}")
    elif shown < total:
        last = options.skip + shown
        limit = "" if options.limit == LIMIT else f" --limit {options.limit}"
        more = f"; more: {command(name, f'agents{kind} --skip {last}{limit}')}" if last < total else ""
        which = f"{options.skip + 1:,} to {last:,}" if shown else "none"
        hint(options, f"\n{which} of {figures.plural(total, 'agent')}{of_kind}{more}")
