"""`engine kinds`: what each kind of agent can be asked."""

from __future__ import annotations

from argparse import Namespace

from engine.cli.output import screen, show_document, show_lines
from engine.cli.parser import About, Parser
from engine.cli.screen import clean
from engine.cli.session import request

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.kinds/v1"

ABOUT = About(
    usage="[--json]",
    text="Lists the kinds that the workers have loaded, and the methods of each with the arguments that they take.",
    examples="  engine kinds\n  engine kinds --json | jq .kinds.counter",
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Print the kinds."""
    kinds = request(options, "kinds")
    if options.json:
        show_document(options, {"schema": SCHEMA, "kinds": kinds}, "kinds")
        return 0
    shown = screen(options)
    for kind in sorted(kinds):
        show_lines([shown.paint(kind, "bold"), *(f"  {clean(_call(*method))}" for method in kinds[kind].items())])
    return 0


def _call(name: str, signature: str) -> str:
    return signature if signature.startswith(name) else f"{name}{signature}"
