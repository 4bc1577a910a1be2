"""The cells of tasks: accepted ones by their journal, those whose sender waits by the rows beside.

Owns the verdict on each. Accepted tasks may move between two looks; a row is of one moment, so what it has must be what was
shown then. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.recount.cell import DIFFERS, OK, UNAVAILABLE, Cell, compared, unavailable
from engine.recount.daycount import DayCount
from engine.recount.journalcount import JournalCount
from engine.recount.shown import LOST, Shown

__all__ = ["TASKS", "task_cells"]

TASKS = ("accepted", "queue", "complete", "failed", "cancelled")
NONE = dict.fromkeys(("accepted", "done", "failed", "cancelled", "expired", "open"), 0)
COMPACTED = "the journal was compacted after the document was recorded"
KILLED = "the engine ended before it wrote down what came last"
MOVING = "it follows from counts, not all of which are known for one moment"

Counts = Mapping[str, int]


class _Others(NamedTuple):
    """Tasks whose sender waits, between two rows. last: None where the later one is not there."""

    first: Counts
    last: Counts | None


def task_cells(
    before: Shown, counts: tuple[JournalCount, JournalCount], days: DayCount, after: Shown, *, lag_s: float
) -> list[Cell]:
    """The cells. counts: of accepted tasks, until the document at least and at most.  lag_s: until it is on the disk."""
    others = _others(before, days)
    is_lost = after.is_past and counts[1].newest_s > after.stats["time_s"] - lag_s
    cells: list[Cell] = []
    for name in TASKS:
        cells += _cells_of(name, before, counts, others, after, is_lost=is_lost)
    return [*cells, _success(before, counts[1], others, after, is_lost=is_lost)]


def _others(shown: Shown, days: DayCount) -> _Others | None:
    """What the rows say; None where there is none of this engine."""
    if not shown.is_past:
        row = days.numbered(shown.stats, shown.row)
        return None if row is None else _Others(_counts_in(row), _counts_in(row))
    if not days.of(shown.stats):
        return None
    first, last = days.around(shown.stats)
    return _Others(NONE if first is None else _counts_in(first), None if last is None else _counts_in(last))


def _counts_in(row: Mapping[str, Any]) -> Counts:
    """The six counts of a row."""
    undone = {name: row[name] for name in ("failed", "cancelled", "expired")}
    return {"accepted": row["came"], "done": row["went"] - sum(undone.values()), **undone, "open": row["came"] - row["went"]}


def _cells_of(
    name: str, before: Shown, counts: tuple[JournalCount, JournalCount], others: _Others | None, after: Shown, *, is_lost: bool
) -> Iterator[Cell]:
    """One cell; two of its parts where only one can be counted again."""
    label = f"tasks.{name}"
    for shown in (before, after):
        if named(shown.stats["tasks"])[name] != shown.overview["tasks"][name]:
            said = named(shown.stats["tasks"])[name]
            yield Cell(label, shown.overview["tasks"][name], said, DIFFERS, "it is not what stats says")
            return
    whole, kept = (named(before.stats[which])[name] for which in ("tasks", "detached"))
    waiting = whole - kept
    recounted, verdict, between = _kept(name, before, counts, after)
    has_part = bool(waiting) if others is None else _is_unknown(name, waiting, others)
    if is_lost:
        yield Cell(label, kept, None, UNAVAILABLE, COMPACTED, part="accepted" if has_part else "")
    elif has_part:
        yield Cell(label, kept, recounted, verdict, between=between, part="accepted")
    else:
        is_right = others is None or _is_right(name, waiting, others)
        again = waiting if is_right else named(others.first)[name] if others is not None else 0
        moved = None if between is None else (between[0] + waiting, between[1] + waiting)
        yield Cell(label, whole, recounted + again, verdict if is_right else DIFFERS, between=moved)
    if has_part and before.row is not None:
        yield Cell(label, waiting, None, DIFFERS, LOST, part="others")
    elif has_part:
        yield Cell(label, waiting, None, UNAVAILABLE, KILLED if others else before.unwritten, part="others")


def _kept(
    name: str, before: Shown, counts: tuple[JournalCount, JournalCount], after: Shown
) -> tuple[int, str, tuple[int, int] | None]:
    """Accepted tasks: how many there are by their journal, whether that is what is shown, and between what it may be."""
    shown = before.stats["detached"], after.stats["detached"]
    early, late = counts[0].counts, counts[1].counts
    low, high = _bounds(early, late)[name] if after.is_past else _bounds(*shown)[name]
    checked = named(shown[1])[name] if after.is_past else named(late)[name]
    return named(late)[name], OK if low <= checked <= high else DIFFERS, None if low == high else (low, high)


def _is_right(name: str, shown: int, others: _Others) -> bool:
    """Whether so many tasks whose sender waits may have been there."""
    low, high = _bounds(others.first, others.first if others.last is None else others.last)[name]
    return low <= shown <= high


def _is_unknown(name: str, shown: int, others: _Others) -> bool:
    """Whether there may have been so many after the last row that was written."""
    if others.last is not None or shown == named(others.first)[name]:
        return False
    return name == "queue" or shown > named(others.first)[name]


def _success(before: Shown, count: JournalCount, others: _Others | None, after: Shown, *, is_lost: bool) -> Cell:
    """The share of success, which follows from two counts."""
    is_whole = before.stats["tasks"] == before.stats["detached"] if others is None else others.last is not None
    if after.is_past or is_lost or not is_whole:
        return unavailable(after.overview, "tasks.success", MOVING)
    first = named(others.first) if others is not None else named(NONE)
    is_still = before.stats["detached"] == after.stats["detached"]
    kept = named(count.counts if is_still else before.stats["detached"])
    complete, failed = (kept[name] + first[name] for name in ("complete", "failed"))
    share = complete / (complete + failed) if complete + failed else None
    return compared("tasks.success", before.overview["tasks"]["success"], share, before.overview["tasks"]["success"])


def named(counts: Counts) -> dict[str, int]:
    """The six counts as the overview names them."""
    failed = counts["failed"] + counts["expired"]
    return {
        "accepted": counts["accepted"],
        "queue": counts["open"],
        "complete": counts["done"],
        "failed": failed,
        "cancelled": counts["cancelled"],
    }


def _bounds(before: Counts, after: Counts) -> dict[str, tuple[int, int]]:
    """Between what each cell may be, if it was counted between two moments: counts only grow, but what is open does not."""
    first, last = named(before), named(after)
    ended = [counts["accepted"] - counts["open"] for counts in (before, after)]
    bounds = {name: (first[name], last[name]) for name in TASKS}
    bounds["queue"] = max(before["accepted"] - ended[1], 0), after["accepted"] - ended[0]
    return bounds
