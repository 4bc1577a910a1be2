"""`engine recount`: the overview's cells, counted again from the files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.cli.output import hint, screen, show_document, show_lines
from engine.cli.parser import About, Parser
from engine.cli.session import environment, name_of
from engine.cli.table import Column, table

if TYPE_CHECKING:
    from engine.paths import Paths
    from engine.recount.cell import Cell
    from engine.recount.recount import Shown

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.recount/v1"

ABOUT = About(
    usage="[--json]",
    text="""\
Counts the cells of the overview again: accepted tasks from their journal, record by record, agents from the roster, features,
tests, bugs and lines from the ledgers of the sprints. Tasks whose sender waits leave no record; they are counted a second time
as they come and go, and the journal has a row of these counts for each second in which something happened, which outlives a
compaction: of rows the rates, efficiency, use of cpu, network and disk, cost and top performers follow. It reads the files of
an engine that runs, by code that nothing else shows anything with, and compares that with what the engine shows before and
after; where counts move meanwhile, one between the two is right.
What the disk does not tell of is unavailable, with why: how many agents work at this moment, how much memory there is in use,
and what was used by the second where nothing ran when these seconds began. With durability: memory that is all but sprints.
Of an engine that does not run it is compared with what was recorded last, as of then.
Ends with 4 if a cell differs, with 3 where no engine runs and nothing was recorded.""",
    examples="  engine recount\n  engine recount --json | jq '.cells[] | select(.verdict == \"differs\")'",
)

COLUMNS = (
    Column("CELL"),
    Column("SHOWN", is_right=True),
    Column("RECOUNTED", is_right=True),
    Column("VERDICT", style={"ok": "green", "differs": "red"}.get),
    Column("REASON", least=8),
)
#: Where what is shown came from.
LIVE, RECORDED = "live", "recorded"
#: The folders of what is counted, in the data folder.
ROSTER, JOURNAL = "_roster", "_journal"


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Count again; returns the exit code."""
    from engine import errors
    from engine.paths import find_paths
    from engine.recount.cell import DIFFERS

    environ = environment()
    name = name_of(options, environ)
    paths = find_paths(name, environ)
    source, cells = _counted(name, environ, paths)
    differing = sum(cell.verdict == DIFFERS for cell in cells)
    if options.json:
        rows = [cell.as_dict() for cell in cells]
        document = {"schema": SCHEMA, "engine": name, "source": source, "differing": differing, "cells": rows}
        show_document(options, document, "cells")
    else:
        show_lines(table(COLUMNS, [_row(cell) for cell in cells], screen(options)))
        if source == RECORDED:
            hint(options, "\nthe engine does not run: this is what was recorded last")
        if differing:
            hint(options, f"\n{differing} of these differ from what the engine shows")
    return errors.BROKEN if differing else errors.DONE


def _counted(name: str, environ: Mapping[str, str], paths: Paths) -> tuple[str, list[Cell]]:
    """Where what is shown came from, and the cells. Raises NotRunning where nothing is shown and nothing was recorded."""
    from engine.errors import NotRecorded, NotRunning
    from engine.line import Line
    from engine.recount.recount import Places, Shown, recount

    places = Places(paths.data / ROSTER, paths.data / JOURNAL, paths.sprints)

    def look(line: Line) -> Shown:
        said = line.request("overview", written=True)
        return Shown(said["stats"], said["overview"], row=said["row"], unwritten=said["unwritten"])

    try:
        with Line(name, environ) as line:
            return LIVE, recount(places, lambda: look(line))
    except NotRunning as error:
        try:
            last = _recorded(paths)
        except NotRecorded:
            raise error from None
        return RECORDED, recount(places, lambda: last)


def _recorded(paths: Paths) -> Shown:
    """What was recorded last. Raises NotRecorded, RecordingDamaged."""
    import time

    from engine.recount.recount import Shown
    from engine.rewind.ring import Ring

    now_s = time.time()
    ring = Ring(paths.rewind)
    ring.load(since_s=now_s)
    document = ring.at(now_s).document
    return Shown(document["stats"], document["overview"], is_past=True)


def _row(cell: Cell) -> list[str]:
    moved = "" if cell.between is None else f"between {_text(cell.between[0])} and {_text(cell.between[1])} meanwhile"
    name = f"{cell.cell} ({cell.part})" if cell.part else cell.cell
    return [name, _text(cell.shown), _text(cell.recounted), cell.verdict, cell.reason or moved]


def _text(value: Any) -> str:
    if isinstance(value, dict) and value:
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if value is None or isinstance(value, list | dict):
        return "\u2013"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
