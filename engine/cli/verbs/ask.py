"""`engine ask`: one task, and its value."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from engine.cli.misuse import Misuse
from engine.cli.output import show_json
from engine.cli.parser import About, Parser, amount
from engine.cli.session import talk
from engine.errors import PoolError

if TYPE_CHECKING:
    from engine.client import Client

__all__ = ["ABOUT", "add_arguments", "run"]

#: The form of what --on-error skip prints.
SCHEMA = "engine.ask/v1"

ABOUT = About(
    usage="AGENT METHOD [JSON ...] [--named] [--timeout TIME] [--reduce HOW]\n               [--json]",
    text="""\
Asks one agent and prints the value as JSON. AGENT is kind/key, or a kind alone for any agent of it. Each argument is
JSON; a word that is not JSON is a text. A word that begins with a dash and is no number goes after `--`. With -o json it is a
document, {"schema": "engine.ask/v1", "agent": "counter/17", "method": "add", "value": 2}.

With `kind/*` and --reduce every agent of the kind that exists now is asked, and one value comes of theirs: sum, mean, min or
max of numbers, count of those that answered, or list in the order of the agents. Where some fail, all are asked all the
same, and the first error is told with how many failed; with --on-error skip the value is that of the others, in an object
with the counts.""",
    examples="""\
  engine ask counter/17 add 2
  engine ask counter ping
  engine ask 'counter/*' get --reduce sum
  engine ask 'counter/*' get --reduce list --limit 50000 --on-error skip
  engine ask scout/a visit https://example.org --timeout 5s
  engine ask scout/a visit --named '{"url": "https://example.org"}'
""",
)


def add_arguments(parser: Parser) -> None:
    """Whom, what and with which arguments."""
    parser.add_argument("agent", metavar="AGENT", help="its address: kind/key, such as counter/17")
    parser.add_argument("method", metavar="METHOD", help="one of its methods; `engine kinds` lists them")
    parser.add_argument("arguments", nargs="*", metavar="JSON", help="the method's arguments")
    parser.add_argument("--named", action="store_true", help="the one argument is an object of arguments by name")
    parser.add_argument(
        "--timeout", type=amount("parse_seconds"), metavar="TIME", help="how long to wait, such as 250ms or 30s (for ever)"
    )
    parser.add_argument("--reduce", metavar="HOW", help="of kind/*: sum, count, list, min, max or mean of all values")
    parser.add_argument("--on-error", metavar="raise|skip", help="of kind/*: what those that fail are: an error (raise)")
    parser.add_argument(
        "--limit",
        type=amount("parse_count"),
        metavar="N",
        help="of --reduce list: agents at most, else nobody is asked (10,000)",
    )
    parser.offer(
        agent="agents", method="methods", on_error=("raise", "skip"), reduce=("sum", "count", "list", "min", "max", "mean")
    )


def run(options: Namespace) -> int:
    """Ask and print."""
    from engine.cli.word import read_word

    arguments = [read_word(word, number) for number, word in enumerate(options.arguments, start=1)]
    named: dict[str, Any] = {}
    if options.named:
        if len(arguments) != 1 or type(arguments[0]) is not dict:
            raise Misuse("--named takes one argument, an object such as '{\"x\": 2}'")
        named = arguments.pop()
    whole = {"reduce": options.reduce, "on_error": options.on_error, "limit": options.limit}
    whole = {name: value for name, value in whole.items() if value is not None}
    if whole and not options.agent.endswith("/*"):
        raise Misuse(f"--reduce, --on-error and --limit are for all agents of a kind: {options.agent.partition('/')[0]}/*")
    own = sorted({"reduce", "on_error", "limit", "timeout_s"} & named.keys()) if whole else []
    if own:
        raise Misuse(f"{own[0]} is a word of --reduce: give this argument by place, without --named")
    if not options.reduce and options.agent.endswith("/*"):
        raise Misuse(f"{options.agent} asks every agent of the kind: say what their values become, such as --reduce sum")

    async def say(client: Client) -> Any:
        try:
            return await client.ask(options.agent, options.method, *arguments, timeout_s=options.timeout, **named, **whole)
        except PoolError as error:
            error.add_note(_whose(options.agent, options.method, str(error)))
            raise

    value = talk(options, say, is_fast=bool(options.reduce))
    facts = value.as_dict() if options.on_error == "skip" else {"value": value}
    if options.json:
        show_json({"schema": SCHEMA, "agent": options.agent, "method": options.method, **facts})
    else:
        show_json({"schema": SCHEMA, **facts} if options.on_error == "skip" else value)
    return 0


def _whose(agent: str, method: str, message: str) -> str:
    """What an error was about, as far as its message does not say so."""
    if agent in message:
        return ""
    return agent if message.startswith(f"{method}:") else f"{agent} {method}"
