"""`engine pools`: the pools, their limits and what they use; pausing one, and having it go on."""

from __future__ import annotations

from argparse import Namespace

from engine.cli import figures
from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, screen, show_document, show_json, show_lines
from engine.cli.parser import About, Parser
from engine.cli.pooltable import pool_lines
from engine.cli.session import command, environment, name_of, request

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.pools/v1"
#: What can be done, and what it is called on the socket.
VERBS = {"pause": "pause-pool", "resume": "resume-pool"}

ABOUT = About(
    usage="""\
[--json]
  engine pools pause|resume NAME [--json]""",
    text="""\
Lists the pools: their agents and memory against their limits, the share of the processor and how it is kept, and the
tasks that are open, done and failed in them. Memory is the proportional set size of a pool's workers.

pause has the workers of a pool begin no task from outside any more. What runs ends, and what agents ask and tell each other
goes on, since what runs may wait for it. What comes waits, accepted or not, up to the limits of the pool; beyond them it is
refused with retry_after_s. Deadlines count meanwhile, and tasks for a kind go to other pools that have agents of it. It
lasts until resume, over the death of a worker, but not over that of the engine: one that is started again runs every pool.""",
    examples="""\
  engine pools
  engine pools pause p2
  engine pools resume p2
  engine pools --json | jq '.pools[] | {name, open}'
""",
    actions={"pause": "begin no task from outside", "resume": "go on"},
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with which pool."""
    parser.add_argument(
        "words", nargs="*", metavar="ACTION", help="pause or resume, and the name of a pool; nothing lists them"
    )
    parser.offer(words={"pause": "pools", "resume": "pools"})


def run(options: Namespace) -> int:
    """Print the pools, or pause one, or have it go on."""
    if options.words:
        return _act(options, *options.words)
    pools = request(options, "pools")
    if options.json:
        show_document(options, {"schema": SCHEMA, "pools": pools}, "pools")
    else:
        show_lines(pool_lines(pools, screen(options)))
    return 0


def _act(options: Namespace, action: str, *names: str) -> int:
    """Raises Misuse."""
    if action not in VERBS:
        raise Misuse(f"there is nothing called {action!r} to do{meant(action, VERBS) or '; write pause or resume'}")
    if len(names) != 1:
        raise Misuse(f"{action} which pool? Write one of those in: engine pools")
    (name,) = names
    said = request(options, VERBS[action], pool=name)
    if options.json:
        show_json({"schema": SCHEMA, **said})
        return 0
    already = "" if said["is_changed"] else " already"
    print(f"pool {name} is {said['state']}{already}; {figures.plural(said['open'], 'task')} open")
    if action == "pause":
        hint(options, f"to have it go on: {command(name_of(options, environment()), f'pools resume {name}')}")
    return 0
