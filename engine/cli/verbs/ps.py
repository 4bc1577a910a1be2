"""`engine ps`: the workers."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine.cli import figures
from engine.cli.output import hint, screen, show_document, show_lines
from engine.cli.parser import About, Parser
from engine.cli.session import environment, name_of, request
from engine.cli.states import style_of
from engine.cli.table import Column, table
from engine.keeper import keeper_of
from engine.paths import find_paths

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.ps/v1"

ABOUT = About(
    usage="[--json]",
    text="""\
Lists the worker processes: their pool, their state and why, and what each of them did. LIVE are agents that have an
object now, BUSY is the time spent in agents' methods, RUNNING how long the present task has been running.""",
    examples="  engine ps\n  engine ps --json | jq '.workers[] | select(.restarts > 0)'",
)

COLUMNS = (
    Column("WORKER"),
    Column("POOL", rank=8),
    Column("PID", is_right=True),
    Column("STATE", style=style_of),
    Column("CODE", is_right=True, rank=5),
    Column("LIVE", is_right=True, rank=1),
    Column("ASLEEP", is_right=True, rank=9),
    Column("WAITING", is_right=True, rank=5),
    Column("DONE", is_right=True),
    Column("FAILED", is_right=True),
    Column("RESTARTS", is_right=True, rank=2),
    Column("MEMORY", is_right=True, rank=3),
    Column("BUSY", is_right=True, rank=6),
    Column("RUNNING", is_right=True, rank=4),
    Column("LOOP", rank=7),
    Column("REASON", least=8),
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Print the workers."""
    workers = request(options, "ps")
    environ = environment()
    keeper = keeper_of(find_paths(name_of(options, environ), environ))
    if options.json:
        show_document(options, {"schema": SCHEMA, "workers": workers, "keeper": keeper}, "workers")
        return 0
    show_lines(table(COLUMNS, [_row(worker) for worker in workers], screen(options)))
    if keeper is not None:
        times = figures.plural(keeper["restarts"], "time")
        hint(options, f"\nkept by pid {keeper['pid']}, which has started the engine again {times}")
    return 0


def _row(worker: dict[str, Any]) -> list[str]:
    return [
        worker["worker"],
        worker["pool"],
        str(worker["pid"] or "-"),
        worker["state"],
        str(worker["code"]),
        *(figures.count(worker[name]) for name in ("live", "asleep", "waiting", "done", "failed", "restarts")),
        figures.size(worker["memory_bytes"]),
        figures.span(worker["busy_s"]) if worker["busy_s"] else "-",
        figures.span(worker["running_for_s"]) if worker["running_for_s"] else "-",
        worker["loop"] or "-",
        worker["reason"] or "",
    ]
