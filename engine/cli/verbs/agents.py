"""`engine agents`: the agents, a page at a time; one of them; `engine agents rm` and `engine agents quarantine`."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import Any

from engine.cli import figures
from engine.cli.misuse import Misuse
from engine.cli.output import hint, screen, show_document, show_lines
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
[KIND] [--filter TEXT] [--status S,...] [--pool P] [--worker W]
                [--sort ORDER] [--desc] [--limit N] [--skip N] [--json]
  engine agents show AGENT [--json]
  engine agents rm AGENT|KIND/A..B ... [--yes] [--json]
  engine agents quarantine ls|show AGENT|release AGENT [--json]""",
    text="""\
Lists agents: where each of them lives, how many tasks wait for it, and its status. run: it works on a task; idle: it is
an object that waits; asleep: its state is kept in a few bytes; dormant: it was never asked anything; quarantined: it
takes no tasks until it is released. RESTARTS counts how often it was taken back to its last state after a failed task,
since its worker began.

--filter takes a part of the address, or a regular expression where it has signs of one (^$*+?[]()|), and with ! before it
those that do not look so. --status takes one or several of the above, wait for those with tasks in their mailbox, and
restarted for those that were taken back. --sort takes address, pool, worker, status, mailbox or restarts. The engine
chooses and sorts, however many agents there are.

show tells everything about one agent, and does not wake it: its state, what runs, what waits, its last tasks, what went
wrong, and its checkpoints.

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
  engine agents --filter '^scout/a' --status run,wait
  engine agents --sort mailbox --desc --limit 10
  engine agents show counter/17
  engine agents --json | jq .kinds
  engine agents quarantine ls
  engine agents quarantine release counter/17
  engine agents rm counter/3 counter/10..19 scout/a
  engine agents rm counter/0..4999 --yes --json
""",
    actions={
        "show": "everything about one agent",
        "rm": "remove agents, and what was kept of them",
        "quarantine ls": "agents whose tasks hang, leak or end their process",
        "quarantine show": "what was found of one, and tried",
        "quarantine release": "let one work as the others again",
    },
)

COLUMNS = (
    Column("AGENT", least=24),
    Column("POOL", rank=1),
    Column("WORKER"),
    Column("STATUS", style=style_of),
    Column("MAILBOX", is_right=True),
    Column("RESTARTS", is_right=True, rank=2),
)

#: The options that choose among agents, with what they are called on the socket.
CHOICE = {"filter": "filter", "status": "status", "pool": "pool", "worker": "worker", "sort": "sort", "desc": "is_descending"}


def add_arguments(parser: Parser) -> None:
    """Which agents."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="KIND",
        help="only agents of this kind; or show, rm, and whom; or quarantine, and what to do",
    )
    parser.add_argument(
        "--filter", metavar="TEXT", default="", help="a part of the address, or an expression; ! before it turns"
    )
    parser.add_argument(
        "--status", metavar="S,...", help="only those that are so: run, wait, idle, asleep, dormant, quarantined"
    )
    parser.add_argument("--pool", metavar="P", help="only those of a pool")
    parser.add_argument("--worker", metavar="W", help="only those of a worker")
    parser.add_argument(
        "--sort", metavar="ORDER", help="address, pool, worker, status, mailbox or restarts (as they were spawned)"
    )
    parser.add_argument("--desc", action="store_true", help="the other way round: the largest first")
    parser.add_argument("--yes", action="store_true", help="rm: do not ask first")
    parser.add_argument(
        "--limit", type=amount("parse_count"), default=LIMIT, metavar="N", help=f"most agents ({LIMIT}; up to {MOST:,})"
    )
    parser.add_argument("--skip", type=amount("parse_count"), default=0, metavar="N", help="agents to pass over first")
    parser.offer(
        words={"": "kinds", "show": "agents", "rm": "agents", "quarantine show": "sick", "quarantine release": "sick"},
        pool="pools",
        status=("run", "wait", "idle", "asleep", "dormant", "quarantined"),
        sort=("address", "pool", "worker", "status", "mailbox", "restarts"),
    )


def run(options: Namespace) -> int:
    """Print a page of agents, remove some, or care for the sick."""
    if options.words[:1] == ["rm"]:
        from engine.cli import removal

        return removal.run(options, options.words[1:])
    if options.yes:
        raise Misuse("--yes is for rm; see: engine agents --help")
    if options.words[:1] == ["show"]:
        from engine.cli import agentshow

        return agentshow.run(options, options.words[1:])
    if options.words[:1] == ["quarantine"]:
        from engine.cli import quarantine

        return quarantine.run(options, options.words[1:])
    if len(options.words) > 1:
        raise Misuse(f"{options.words[1]!r} is one word too many; see: engine agents --help")
    options.kind = next(iter(options.words), None)
    limit = min(options.limit, MOST)
    chosen = {name: getattr(options, option) for option, name in CHOICE.items()}
    chosen["status"] = [] if options.status is None else [word.strip() for word in options.status.split(",") if word.strip()]
    page = request(options, "agents", kind=options.kind, **chosen, skip=options.skip, limit=limit)
    if options.json:
        show_document(options, {"schema": SCHEMA, "skip": options.skip, **page}, "agents")
        return 0
    rows = [_row(agent) for agent in page["agents"]]
    if rows:
        show_lines(table(COLUMNS, rows, screen(options)))
    if not options.quiet:
        _say_rest(options, page, len(rows))
    return 0


def _row(agent: dict[str, Any]) -> list[str]:
    counts = [figures.count(agent["mailbox"]), figures.count(agent["restarts"])]
    return [agent["agent"], agent["pool"], agent["worker"], agent["status"], *counts]


def _say_rest(options: Namespace, page: dict[str, Any], shown: int) -> None:
    of_kind, kind = (f" of kind {options.kind}", f" {options.kind}") if options.kind else ("", "")
    name, total, matched = name_of(options, environment()), page["total"], page["matched"]
    if page["silent"]:
        hint(options, f"\nnot told what their agents do: {', '.join(page['silent'])}; see: {command(name, 'ps')}")
    if not total:
        hint(options, f"no agents{of_kind} yet; make some: {command(name, f'spawn{kind} --count 5000')}")
    elif not matched:
        hint(options, f"none of {figures.plural(total, 'agent')}{of_kind} is so")
    elif shown < total:
        last = options.skip + shown
        limit = "" if options.limit == LIMIT else f" --limit {options.limit}"
        words = f"agents{kind}{_chosen(options)} --skip {last}{limit}"
        more = f"; more: {command(name, words)}" if last < matched else ""
        which = f"{options.skip + 1:,} to {last:,}" if shown else "none"
        those = "" if matched == total else f"the {matched:,} that are so, of "
        hint(options, f"\n{which} of {those}{figures.plural(total, 'agent')}{of_kind}{more}")


def _chosen(options: Namespace) -> str:
    """The options that choose among agents, as they would be typed again."""
    given = {option: getattr(options, option) for option in CHOICE if getattr(options, option)}
    words = [f" --{option}" if value is True else f" --{option} {shlex.quote(value)}" for option, value in given.items()]
    return "".join(words)
