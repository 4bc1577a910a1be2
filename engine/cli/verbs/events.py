"""`engine events`: what happened lately."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

from engine.cli.output import hint, screen, show_document, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import request
from engine.cli.table import Column, table

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.events/v1"
#: Events that are shown unless more are asked for.
LIMIT = 100
#: Events that the engine keeps.
MOST = 1_000

ABOUT = About(
    usage="[--limit N] [--json]",
    text="""\
Lists the newest events, the oldest of them first: workers that started, died or were started again, spawns that were
refused, tells that failed. The engine keeps the last 1,000; its log has more, and
what agents print: `engine logs`.""",
    examples="""\
  engine events --limit 20
  engine events --json | jq '.events[] | select(.name == "worker.died")'
""",
)

COLUMNS = (
    Column("TIME"),
    Column("EVENT", style=lambda name: "red" if name.endswith((".died", ".down")) else None),
    Column("", least=20),
)


def add_arguments(parser: Parser) -> None:
    """How many events."""
    parser.add_argument(
        "--limit", type=amount("parse_count"), default=LIMIT, metavar="N", help=f"most events ({LIMIT}; up to {MOST:,})"
    )


def run(options: Namespace) -> int:
    """Print the events."""
    events = request(options, "events", limit=min(options.limit, MOST))
    if options.json:
        show_document(options, {"schema": SCHEMA, "events": events}, "events")
    elif events:
        show_lines(table(COLUMNS, [_row(event) for event in events], screen(options)))
    else:
        hint(options, "nothing happened yet")
    return 0


def _row(event: dict[str, Any]) -> list[str]:
    return [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time_s"])), event["name"], event["text"]]
