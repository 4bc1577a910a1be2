"""Every cell of the overview, counted again or said to be unavailable, with why.

Owns the order: what was shown is looked at, the files are read, what is shown is looked at again. What lies outside of the two
is looked at some times more, since a commit counts on the disk a moment before it is shown. It asks the engine for nothing but
the document, and shares no code with what made it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from checkpoints.errors import CheckpointError
from checkpoints.files import Disk, Files
from engine.recount.agentcount import AgentCount, read_roster
from engine.recount.cell import DIFFERS, OK, UNAVAILABLE, Cell, compared, unavailable
from engine.recount.journalcount import JournalCount, read_journal
from engine.recount.sprintcount import read_sprints, read_step

__all__ = ["Places", "Shown", "recount"]

#: How often files and document are looked at while they differ, and seconds between two times.
TRIES, PAUSE_S = 6, 0.3
#: Seconds within which what has happened is on the disk and shown.
LAG_S = 2.0
#: Cells that nothing durable tells of, and why.
REASONS = {
    "agents.active": "what an agent does now is in the memory of its worker",
    "agents.idle": "what an agent does now is in the memory of its worker",
    "performance.tasks_per_min": "a rate of the last minute goes with that",
    "performance.errors_per_min": "a rate of the last minute goes with that",
    "performance.recoveries_per_min": "a rate of the last minute goes with that",
    "performance.efficiency": "it is measured, and not kept",
    "resources.cpu": "it is measured, and not kept",
    "resources.memory_bytes": "it is measured, and not kept",
    "resources.network_bytes_per_s": "it is measured, and not kept",
    "resources.disk_bytes_per_s": "it is measured, and not kept",
    "cost.total": "the cpu time that it is computed from is measured, and not kept",
    "top": "who did most is counted in the memory of the workers",
}
NO_RECORD = "tasks whose sender waits are acknowledged by their answer alone: they leave no record in the journal"
IN_MEMORY = "durability is memory: nothing is on the disk"
TASKS = ("queue", "complete", "failed", "cancelled")
COUNTED = ("agents.total", "agents.failed", *(f"tasks.{name}" for name in (*TASKS, "success")))
IMPACT = ("features", "tests", "bugs_fixed", "code_lines")


class Places(NamedTuple):
    """Where it is on the disk: the roster, the journal, the sprints."""

    roster: Path
    journal: Path
    sprints: Path


class Shown(NamedTuple):
    """What the engine shows: documents of `stats` and of the overview. is_past: they were recorded, and it runs no more."""

    stats: Mapping[str, Any]
    overview: Mapping[str, Any]
    is_past: bool = False


def recount(
    places: Places, look: Callable[[], Shown], files: Files | None = None, sleep: Callable[[float], None] = time.sleep
) -> list[Cell]:
    """Each cell with its verdict. look: what is shown now. Raises CheckpointError, OSError where the files cannot be read."""
    files = files or Disk()
    cells: list[Cell] = []
    for tried in range(1, TRIES + 1):
        try:
            cells = _once(files, places, look)
        except (CheckpointError, FileNotFoundError):  # a compaction may have moved what was being read
            if tried == TRIES:
                raise
        else:
            if not any(cell.verdict == DIFFERS for cell in cells):
                break
        sleep(PAUSE_S)
    return cells


def _once(files: Files, places: Places, look: Callable[[], Shown]) -> list[Cell]:
    before = look()
    if before.overview["durability"] == "memory":
        kept = [unavailable(before.overview, name, IN_MEMORY) for name in COUNTED]
        after = before
    else:
        tasks = _tasks_of(files, places, before)
        agents = read_roster(files, str(places.roster))
        after = before if before.is_past else look()
        kept = [*_agents(places, before, agents, after), *_tasks(before, tasks, after)]
    impact = _impact(places, before, look)
    rest = [unavailable(after.overview, name, reason) for name, reason in REASONS.items()]
    return [*kept, *impact, *rest]


def _instants(shown: Shown) -> tuple[float, float]:
    """Until when it is counted: all there is; of a document of the past what was shown by then at least, and at most."""
    time_s: float = shown.stats["time_s"]
    return (time_s - LAG_S, time_s) if shown.is_past else (math.inf, math.inf)


def _agents(places: Places, before: Shown, count: AgentCount, after: Shown) -> Iterator[Cell]:
    shown = before.overview["agents"], after.overview["agents"]
    for name, number in {"total": count.total, "failed": min(count.failed, count.total)}.items():
        cell = compared(f"agents.{name}", shown[0][name], number, shown[1][name])
        is_later = after.is_past and _written_s(places.roster) > after.stats["time_s"] - LAG_S
        if cell.verdict == DIFFERS and is_later:
            reason = f"the roster was written after the document was recorded, and has {number:,} now"
            cell = unavailable(after.overview, cell.cell, reason)
        yield cell


def _written_s(folder: Path) -> float:
    """When a store was written last, in unix time."""
    return max((file.stat().st_mtime for file in folder.glob("*.log")), default=-math.inf)


def _tasks_of(files: Files, places: Places, shown: Shown) -> tuple[JournalCount, JournalCount]:
    early, late = (JournalCount(until_s) for until_s in _instants(shown))
    read_journal(files, str(places.journal), early, late)
    return early, late


def _tasks(before: Shown, counts: tuple[JournalCount, JournalCount], after: Shown) -> Iterator[Cell]:
    """The cells of tasks: what of each was accepted is counted again, what was not is said to be unavailable."""
    late = counts[1]
    is_lost = after.is_past and late.newest_s > after.stats["time_s"] - LAG_S
    shown = before.stats["detached"], after.stats["detached"]
    between = (counts[0].counts, late.counts) if after.is_past else shown
    whole, accepted = _cells(after.stats["tasks"]), _cells(shown[1])
    for name in TASKS:
        others = whole[name] - accepted[name]
        label, part = f"tasks.{name}", "accepted" if others else ""
        recounted = _cells(late.counts)[name]
        if whole[name] != after.overview["tasks"][name]:
            yield Cell(label, after.overview["tasks"][name], whole[name], DIFFERS, "it is not what stats says")
        elif is_lost:
            reason = "the journal was compacted after the document was recorded"
            yield Cell(label, accepted[name], None, UNAVAILABLE, reason, part=part)
        else:
            low, high = _bounds(*between)[name]
            checked = accepted[name] if after.is_past else recounted
            verdict = OK if low <= checked <= high else DIFFERS
            yield Cell(label, accepted[name], recounted, verdict, between=None if low == high else (low, high), part=part)
        if others:
            yield Cell(label, others, None, UNAVAILABLE, NO_RECORD, part="others")
    yield _success(after, _cells(late.counts), is_whole=whole == accepted and not is_lost, is_still=shown[0] == shown[1])


def _success(after: Shown, recounted: Mapping[str, int], *, is_whole: bool, is_still: bool) -> Cell:
    """The share of success, which follows from two counts. is_still: these did not move."""
    if not is_whole or not is_still or after.is_past:
        return unavailable(after.overview, "tasks.success", "it follows from counts, not all of which are known for one moment")
    ended = recounted["complete"] + recounted["failed"]
    share = recounted["complete"] / ended if ended else None
    return compared("tasks.success", after.overview["tasks"]["success"], share, after.overview["tasks"]["success"])


def _cells(counts: Mapping[str, int]) -> dict[str, int]:
    """The six counts as the overview names them."""
    failed = counts["failed"] + counts["expired"]
    return {"queue": counts["open"], "complete": counts["done"], "failed": failed, "cancelled": counts["cancelled"]}


def _bounds(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Between what each cell may be, if it was counted between two moments: counts only grow, but what is open does not."""
    first, last = _cells(before), _cells(after)
    ended = [counts["accepted"] - counts["open"] for counts in (before, after)]
    bounds = {name: (first[name], last[name]) for name in TASKS}
    bounds["queue"] = max(before["accepted"] - ended[1], 0), after["accepted"] - ended[0]
    return bounds


def _sprint(places: Places, before: Shown, after: Shown) -> Iterator[Cell]:
    """In which step the sprint is that is shown, by the newest line that says so."""
    sprint = after.overview["sprint"]
    step = None if sprint["id"] is None else read_step(places.sprints, sprint["id"], _instants(after)[1])
    if before.overview["sprint"]["id"] != sprint["id"]:
        return
    for name in ("wave", "phase"):
        recounted = None if step is None else step[name]
        yield compared(f"sprint.{name}", before.overview["sprint"][name], recounted, sprint[name])


def _impact(places: Places, before: Shown, look: Callable[[], Shown]) -> Iterator[Cell]:
    early, late = (read_sprints(places.sprints, until_s) for until_s in _instants(before))
    after = before if before.is_past else look()
    yield from _sprint(places, before, after)
    for name in IMPACT:
        shown = before.overview["impact"][name], after.overview["impact"][name]
        recounted = None if late is None else late[name]
        if before.is_past:
            cell = compared(f"impact.{name}", None if early is None else early[name], shown[1], recounted)
            yield Cell(cell.cell, shown[1], recounted, cell.verdict)
        else:
            yield compared(f"impact.{name}", shown[0], recounted, shown[1])
