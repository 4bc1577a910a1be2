"""`engine sprint diff A B`: two sprints, figure by figure, and the items that ended otherwise."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine import errors
from engine.cli.output import screen, show_json, show_lines
from engine.cli.screen import clean
from engine.cli.sprintlines import figures_of
from engine.cli.sprintls import archive_of
from engine.cli.table import Column, table
from sprints.chronicle import Chronicle

__all__ = ["difference", "run"]

SCHEMA = "engine.sprint-diff/v1"
#: The figures that are compared, in their order.
FIGURES = (
    *("seconds", "done", "failed", "unproven", "expired", "cancelled", "carried", "velocity", "defect_rate", "success"),
    *("coverage", "efficiency", "learning", "features", "bugs", "tests", "lines", "artifacts", "ran_s"),
)
#: Items that are named.
NAMED = 20

COLUMNS = [Column("FIGURE"), Column("A", is_right=True), Column("B", is_right=True), Column("CHANGE", is_right=True)]


def run(options: Namespace) -> int:
    """Compare them."""
    archive = archive_of(options)
    first, second = (archive.chronicle(sprint) for sprint in options.words)
    found = difference(first, second)
    if options.json:
        show_json({"schema": SCHEMA, "a": first.id, "b": second.id, **found})
        return errors.DONE
    rows = [[name, _text(a), _text(b), _change(a, b)] for name, (a, b) in found["figures"].items()]
    lines = [f"A is {first.id}, B is {second.id}", "", *table(COLUMNS, rows, screen(options))]
    changed = list(found["items"].items())
    if changed:
        lines += [
            "",
            *(f"  {clean(name)}: {a or 'not there'} in A, {b or 'not there'} in B" for name, (a, b) in changed[:NAMED]),
        ]
    if len(changed) > NAMED:
        lines.append(f"  and {len(changed) - NAMED:,} more")
    show_lines(lines)
    return errors.DONE


def difference(first: Chronicle, second: Chronicle) -> dict[str, Any]:
    """Figures as pairs, and the items of which the verdicts differ, each with both."""
    one, other = figures_of(first), figures_of(second)
    a, b = ({receipt.item: receipt.verdict for receipt in told.receipts} for told in (first, second))
    changed = {name: (a.get(name), b.get(name)) for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)}
    return {"figures": {name: (one[name], other[name]) for name in FIGURES}, "items": changed}


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def _change(a: Any, b: Any) -> str:
    if a is None or b is None or a == b:
        return ""
    change = b - a
    return f"{change:+,}" if isinstance(change, int) else f"{change:+,.3f}"
