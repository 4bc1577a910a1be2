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
from typing import NamedTuple

from checkpoints.errors import CheckpointError
from checkpoints.files import Disk, Files
from engine.recount.agentcount import AgentCount, read_roster
from engine.recount.cell import DIFFERS, OK, Cell, compared, unavailable
from engine.recount.daycount import DayCount
from engine.recount.journalcount import JournalCount, read_journal
from engine.recount.measured import CELLS, LEVELS, measured_cells
from engine.recount.shown import Shown
from engine.recount.sprintcount import read_sprints, read_step
from engine.recount.taskcount import TASKS, task_cells

__all__ = ["Places", "Shown", "recount"]

#: How often files and document are looked at while they differ, and seconds between two times.
TRIES, PAUSE_S = 6, 0.3
#: Seconds within which what has happened is on the disk and shown.
LAG_S = 2.0
IN_MEMORY = "durability is memory: nothing is on the disk"
COUNTED = ("agents.total", "agents.failed", "agents.idle", *(f"tasks.{name}" for name in (*TASKS, "success")), *CELLS)
IMPACT = ("features", "tests", "bugs_fixed", "code_lines")


class Places(NamedTuple):
    """Where it is on the disk: the roster, the journal, the sprints."""

    roster: Path
    journal: Path
    sprints: Path


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
        counts, days = _read(files, places, before)
        agents = read_roster(files, str(places.roster))
        after = before if before.is_past else look()
        tasks = task_cells(before, counts, days, after, lag_s=LAG_S)
        kept = [*_agents(places, before, agents, after), *tasks, *measured_cells(before, days, agents.has)]
    impact = _impact(places, before, look)
    rest = [unavailable(after.overview, name, reason) for name, reason in LEVELS.items()]
    return [*kept, *impact, *rest]


def _read(files: Files, places: Places, shown: Shown) -> tuple[tuple[JournalCount, JournalCount], DayCount]:
    """What the journal has, of accepted tasks until two instants, and of what leaves no record."""
    early, late = (JournalCount(until_s) for until_s in _instants(shown))
    days = DayCount()
    read_journal(files, str(places.journal), early, late, days)
    return (early, late), days


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
    yield _idle(after, count, *shown)


def _idle(after: Shown, count: AgentCount, *shown: Mapping[str, int]) -> Cell:
    """Those that are neither active nor failed; the counted number of all is taken, unless it moved meanwhile."""
    was, now = shown
    if after.is_past or was["active"] is None or now["active"] is None:
        return unavailable(after.overview, "agents.idle", LEVELS["agents.active"])
    idle = [count.total - min(count.failed, count.total) - each["active"] for each in shown]
    if all(was[name] == now[name] for name in ("total", "failed")):
        is_right = idle == [each["idle"] for each in shown]
    else:
        is_right = all(each["total"] == each["active"] + each["idle"] + each["failed"] for each in shown)
    return Cell("agents.idle", now["idle"], now["idle"] if is_right else idle[1], OK if is_right else DIFFERS)


def _written_s(folder: Path) -> float:
    """When a store was written last, in unix time."""
    return max((file.stat().st_mtime for file in folder.glob("*.log")), default=-math.inf)


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
