"""`engine pools`: the pools, their limits and what they use."""

from __future__ import annotations

from argparse import Namespace

from engine.cli.output import screen, show_json, show_lines
from engine.cli.parser import About, Parser
from engine.cli.pooltable import pool_lines
from engine.cli.session import request

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.pools/v1"

ABOUT = About(
    usage="[--json]",
    text="""\
Lists the pools: their agents and memory against their limits, the share of the processor and how it is kept, and the
tasks that are open, done and failed in them. Memory is the proportional set size of a pool's workers.""",
    examples="  engine pools\n  engine pools --json | jq '.pools[] | {name, open}'",
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Print the pools."""
    pools = request(options, "pools")
    if options.json:
        show_json({"schema": SCHEMA, "pools": pools})
    else:
        show_lines(pool_lines(pools, screen(options)))
    return 0
