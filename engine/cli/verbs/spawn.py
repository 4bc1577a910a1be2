"""`engine spawn`: make agents exist, and the engine too if none runs."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.misuse import Misuse
from engine.cli.orders import orders_of
from engine.cli.output import hint, show_document
from engine.cli.parser import About, Parser, add_log_flags, amount
from engine.cli.recovered import show_recovered
from engine.cli.session import add_settings, called, command, config_of, environment

if TYPE_CHECKING:
    from engine.cli.growth import Grown
    from engine.config import Config
    from engine.spawned import Spawned

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.spawn/v1"
#: Agents from which a speed, or the memory of one of them, means something.
MANY = 100
#: What to type next: the word before each line, and the lines after the first.
NEXT, MORE = ("next:", "", ""), ("run TASKS.jsonl", "stats --watch")

ABOUT = About(
    usage="[KIND] (--count N | --add N | --key KEY ...)\n               [--use CLASS ...] [--skill SKILL ...] [--warm] "
    "[-f FILE]\n               [--set KEY=VALUE ...] [--json]",
    text="""\
Makes agents exist in the engine of this name, and starts that engine in the background if none runs. More agents than
fit are refused before any is spawned.

--count is the number wanted: repeating it changes nothing, and says so. A range is one operation: an agent becomes an
object at its first task, or at once with --warm. --skill gives those that are made skills besides those of their class, for
tasks that want some. A class is found in the current folder and in that of pools.yaml too.""",
    examples="""\
  engine spawn --count 5000                        counter/0 to counter/4999
  engine spawn --add 100                           100 more
  engine spawn --kind frontend=200,backend=300
  engine spawn --count 5000 --kind a=40%,b=60%     2,000 and 3,000
  engine spawn --use scout.py:Scout --key a b c    scout/a, scout/b and scout/c
  engine spawn --kind scout --add 3 --skill draw   3 more, who can draw
  engine spawn module --use audit.agents:Module --count 10 --warm
""",
)


def add_arguments(parser: Parser) -> None:
    """Which agents, and how many."""
    parser.add_argument(
        "kind", nargs="?", metavar="KIND", help="the kind (default: the one of --use, else `default_kind` of pools.yaml)"
    )
    parser.add_argument(
        "--kind", dest="kinds", metavar="KINDS", help="the same, or several: a=200,b=300, or a=40%%,b=60%% of --count"
    )
    parser.add_argument("--count", type=_agents, metavar="N", help="how many there shall be in all")
    parser.add_argument("--add", type=_agents, metavar="N", help="how many more there shall be")
    parser.add_argument("--key", nargs="+", action="extend", metavar="KEY", help="agents with these keys instead of numbers")
    parser.add_argument(
        "--use", nargs="+", action="extend", default=[], metavar="CLASS", help="load module:Class or file.py:Class first"
    )
    parser.add_argument(
        "--skill",
        nargs="+",
        action="extend",
        default=[],
        metavar="SKILL",
        help="what those can do that are made",
    )
    parser.add_argument("--warm", action="store_true", help="make the objects now, in small batches")
    add_log_flags(parser)
    add_settings(parser)
    parser.offer(kind="kinds", kinds="kinds", use="files")


def _agents(text: str) -> int:
    number: int = amount("parse_count")(text)
    if not number:
        raise ArgumentTypeError("0 agents are none: give 1 or more")
    return number


def _skills(words: list[str]) -> list[str]:
    from engine.spawned import check_skills

    try:
        return sorted(check_skills(words))
    except ValueError as error:
        raise Misuse(f"--skill: {error}") from error


def run(options: Namespace) -> int:
    """Spawn, and say what was done."""
    orders = orders_of(options)
    references = [_absolute(reference) for reference in options.use]
    if len(references) > 1 and any(order.kind is None for order in orders):
        raise Misuse("of which kind? --use loads several: name one, or write --kind a=200,b=300")
    config = config_of(options)
    from engine.cli.growth import Wish, grow

    paths = list(dict.fromkeys([str(Path.cwd()), str(config.folder)]))
    grown = grow(config, environment(), Wish(orders, references, paths, options.warm, _skills(options.skill)))
    if options.json:
        show_document(options, _as_dict(config, grown), "spawned")
    else:
        _show(options, config, grown)
    return 0


def _absolute(reference: str) -> str:
    """A reference that means the same in the engine's own folder. Raises Misuse."""
    place, colon, name = reference.rpartition(":")
    if not colon or not place or not name:
        raise Misuse(f"--use {reference}: write module:Class or file.py:Class")
    if not place.endswith(".py"):
        return reference
    file = Path(place).expanduser().resolve()
    if not file.is_file():
        raise Misuse(f"--use {reference}: there is no file {file}")
    return f"{file}:{name}"


def _as_dict(config: Config, grown: Grown) -> dict[str, Any]:
    started = None if grown.started is None else grown.started._asdict()
    return {"schema": SCHEMA, "name": config.name, "started": started, "spawned": [_facts(one) for one in grown.spawned]}


def _facts(spawned: Spawned) -> dict[str, Any]:
    return {**spawned.as_dict(), "agents_per_s": spawned.added / spawned.seconds if spawned.added else None}


def _show(options: Namespace, config: Config, grown: Grown) -> None:
    if grown.started is not None:
        workers = figures.plural(grown.spawned[0].workers, "worker")
        took = figures.span(grown.started.seconds)
        print(f"started {called(config.name)} (pid {grown.started.pid}) with {workers} in {took}")
        show_recovered(grown.started.recovered)
    elif options.file is not None:
        hint(options, f"{called(config.name)} runs already and keeps its pools; {options.file} was read for kinds only")
    for spawned in grown.spawned:
        print(_line(spawned))
    kind = grown.spawned[0].kind
    task = f"ask {kind}/{(options.key or [0])[0]} {'add 2' if kind == 'counter' else 'METHOD'}"
    hint(options, "\n".join(f"{left:<6}{command(config.name, rest)}" for left, rest in zip(NEXT, (task, *MORE), strict=True)))


def _line(spawned: Spawned) -> str:
    """What became of one order, in one line."""
    there = f"there {'is' if spawned.total == 1 else 'are'} {_agents_of(spawned.total, spawned.kind)}"
    if not spawned.added:
        if spawned.wanted is not None and spawned.total > spawned.wanted:
            return f"{there}, more than {spawned.wanted:,}: nothing changed, none is taken away"
        return f"{there} already: nothing changed"
    facts = f"on {figures.plural(spawned.workers, 'worker')} in {figures.span(spawned.seconds)}"
    if spawned.added >= MANY:
        facts += f", {figures.rate(spawned.added / spawned.seconds)}"
        if spawned.agent_bytes is not None:
            facts += f"; {_each(spawned.agent_bytes)} of memory each"
    if spawned.added != spawned.total:
        facts += f"; {spawned.total:,} in all"
    return f"spawned {_agents_of(spawned.added, spawned.kind)} {facts}"


def _agents_of(number: int, kind: str) -> str:
    return figures.plural(number, f"{kind} agent")


def _each(agent_bytes: float) -> str:
    return figures.size(agent_bytes) if agent_bytes >= 1 else "less than a byte"
