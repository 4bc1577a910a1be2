"""The cells of what goes on: by the minute, by the second, in money, and who did most.

Owns the verdict on each, from the row that the engine wrote with the document and those before it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from engine.recount.cell import DIFFERS, OK, Cell, unavailable
from engine.recount.daycount import DayCount, Span, is_within
from engine.recount.shown import LOST, Shown

__all__ = ["CELLS", "LEVELS", "measured_cells"]

#: Cells that are of one moment and leave nothing, and why.
LEVELS = {
    "agents.active": "what an agent does now is in the memory of its worker",
    "resources.memory_bytes": "it is read off the processes at this moment: nothing is counted, and nothing kept",
}
MINUTES = ("tasks_per_min", "errors_per_min", "recoveries_per_min")
#: What is used by the second, by the field of a row, and how much a reading may be off.
USES = {"cpu": "cpu_s", "network_bytes_per_s": "frames_bytes", "disk_bytes_per_s": "written_bytes"}
GIVE = 0.02
CELLS = (
    *(f"performance.{name}" for name in (*MINUTES, "efficiency")),
    *(f"resources.{name}" for name in USES),
    "cost.total",
    "top",
)
NO_ROWS = "the rows of its window are not kept any more"
NO_LOOK = "nothing was written down when its window began, as no task ran then"
UNSEEN = "it is not known yet, and not shown"
NO_PAST = "it is of one moment, which lies between two rows"
#: Agents that are shown.
TOP = 3
#: Money to which it is rounded.
CENT = 1e-8

Row = Mapping[str, Any]


def measured_cells(shown: Shown, days: DayCount, has: Callable[[str, Any], bool]) -> Iterator[Cell]:
    """The cells. has: whether an agent is there."""
    row = None if shown.is_past else days.numbered(shown.stats, shown.row)
    if row is None:
        reason = NO_PAST if shown.is_past else shown.unwritten or LOST
        yield from (unavailable(shown.overview, name, reason) for name in CELLS)
        return
    yield from _minutes(shown, days, row)
    yield _spanned(shown, "performance.efficiency", days.efficiency(row, shown.stats), NO_ROWS)
    for name, field in USES.items():
        span = days.used(row, shown.stats, field)
        if span is not None and name == "cpu":
            span = Span(min(span.low / row["cores"], 1.0), min(span.high / row["cores"], 1.0))
        yield _spanned(shown, f"resources.{name}", span, NO_LOOK, GIVE)
    yield _cost(shown, days.cost(row), row)
    yield _top(shown, days, row, has)


def _minutes(shown: Shown, days: DayCount, row: Row) -> Iterator[Cell]:
    yield _spanned(shown, "performance.tasks_per_min", days.grown(row, shown.stats, _done), NO_ROWS)
    for name in ("errors", "recoveries"):
        span = days.grown(row, shown.stats, itemgetter(name), goes_on=True)
        yield _spanned(shown, f"performance.{name}_per_min", span, NO_ROWS)


def _done(row: Row) -> int:
    done: int = row["landed"] + row["went"] - row["failed"] - row["cancelled"] - row["expired"]
    return done


def _spanned(shown: Shown, name: str, span: Span | None, reason: str, give: float = 0.0) -> Cell:
    cell = unavailable(shown.overview, name, reason)
    if cell.shown is None and name.startswith("resources"):
        return cell._replace(reason=UNSEEN)
    if span is None:
        return cell
    verdict = OK if is_within(cell.shown, span, give) else DIFFERS
    is_exact = span.low == span.high
    near = span.low if is_exact or cell.shown is None else min(max(cell.shown, span.low), span.high)
    return Cell(name, cell.shown, near, verdict, between=None if is_exact else (span.low, span.high))


def _cost(shown: Shown, cost: Span | None, row: Row) -> Cell:
    """What it cost in all, and that what each provider costs is that together."""
    said = shown.overview["cost"]
    providers = [part for part in said["providers"].values() if part is not None]
    whole = sum(providers) if providers else None
    if cost is None or said["total"] is None:
        verdict = OK if said["total"] is None and whole is None and (cost is None or row["cpu_s"] is None) else DIFFERS
    else:
        is_right = cost.low - CENT <= said["total"] <= cost.high + CENT and whole == said["total"]
        verdict = OK if is_right else DIFFERS
    return Cell("cost.total", said["total"], None if cost is None else round(cost.high, 9), verdict)


def _top(shown: Shown, days: DayCount, row: Row, has: Callable[[str, Any], bool]) -> Cell:
    """Those who did most; of several who did as many any may be shown."""
    said = {each["agent"]: each["done"] for each in shown.overview["top"]}
    counts = days.most(row, has)
    if counts is None:
        return unavailable(shown.overview, "top", NO_ROWS)
    first = dict(counts.most_common(TOP))
    is_right = list(said.values()) == list(first.values()) and all(counts[agent] == done for agent, done in said.items())
    return Cell("top", said, said if is_right else first, OK if is_right else DIFFERS)
