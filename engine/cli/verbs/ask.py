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

ABOUT = About(
    usage="AGENT METHOD [JSON ...] [--named] [--timeout TIME]",
    text="""\
Asks one agent and prints the value as JSON. AGENT is kind/key, or a kind alone for any agent of it. Each argument is
JSON; a word that is not JSON is a text. A word that begins with a dash and is no number goes after `--`.""",
    examples="""\
  engine ask counter/17 add 2
  engine ask counter ping
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


def run(options: Namespace) -> int:
    """Ask and print."""
    from engine.cli.strict import read_word

    arguments = [read_word(word, number) for number, word in enumerate(options.arguments, start=1)]
    named: dict[str, Any] = {}
    if options.named:
        if len(arguments) != 1 or type(arguments[0]) is not dict:
            raise Misuse("--named takes one argument, an object such as '{\"x\": 2}'")
        named = arguments.pop()

    async def say(client: Client) -> Any:
        try:
            return await client.ask(options.agent, options.method, *arguments, timeout_s=options.timeout, **named)
        except PoolError as error:
            error.add_note(_whose(options.agent, options.method, str(error)))
            raise

    show_json(talk(options, say))
    return 0


def _whose(agent: str, method: str, message: str) -> str:
    """What an error was about, as far as its message does not say so."""
    if agent in message:
        return ""
    return agent if message.startswith(f"{method}:") else f"{agent} {method}"
