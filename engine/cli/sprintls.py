"""`engine sprint ls` and `show`: the sprints that were and those that run, from their ledgers; no engine is needed."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from engine import errors
from engine.cli import figures
from engine.cli.output import hint, screen, show_document, show_json, show_lines
from engine.cli.session import environment, name_of, request
from engine.cli.sprintlines import outcome_lines, queued_row, row_of, state_of, summary
from engine.cli.states import style_of
from engine.cli.table import Column, table
from engine.errors import NotRunning
from engine.paths import find_paths
from sprints.archive import Archive
from sprints.chronicle import Chronicle
from sprints.queue import Queue
from sprints.spec import PHASES

__all__ = ["archive_of", "run", "running"]

SCHEMA = "engine.sprints/v1"
SHOW_SCHEMA = "engine.sprint/v1"
#: Sprints that are listed unless more are asked for.
LIMIT = 50

COLUMNS = [
    Column("SPRINT"),
    Column("BACKLOG", least=8),
    Column("BEGAN (UTC)", rank=3),
    Column("TOOK", is_right=True),
    Column("STATE", style=lambda text: "yellow" if text in PHASES else style_of(text)),
    Column("DONE", is_right=True),
    Column("OF", is_right=True),
    Column("NOT", is_right=True, rank=1),
    Column("CARRIED", is_right=True, rank=2),
    Column("RELEASE", rank=4),
]


def archive_of(options: Namespace) -> Archive:
    """The sprints of the engine that a command means."""
    environ = environment()
    return Archive(str(find_paths(name_of(options, environ), environ).sprints))


def running(options: Namespace) -> dict[str, int]:
    """The sprints that the engine has running now, with how many campaigns wait for each; none where none runs."""
    try:
        return {one["sprint"]: one["queued"] for one in request(options, "sprint-status")}
    except NotRunning:
        return {}


def run(options: Namespace) -> int:
    """List them, or show one."""
    archive, now = archive_of(options), running(options)
    if options.action == "show":
        return _show(options, archive, now)
    ids = archive.ids()[-(options.limit or LIMIT) :]
    told = [archive.chronicle(sprint) for sprint in reversed(ids)]
    waiting = _waiting(archive)
    if options.json:
        rows = [summary(one, archive, is_running=one.id in now) | {"queued": now.get(one.id, 0)} for one in told if one.id]
        show_document(options, {"schema": SCHEMA, "sprints": rows, "queued": waiting}, "sprints")
    elif not told and not waiting:
        hint(options, "there is no sprint yet; begin one with: engine sprint run BACKLOG.yaml")
    else:
        lines = [queued_row(one) for one in waiting] + [row_of(one, is_running=one.id in now) for one in told if one.id]
        show_lines(table(COLUMNS, lines, screen(options)))
    return errors.DONE


def _waiting(archive: Archive) -> list[dict[str, Any]]:
    """The campaigns that wait for their backlog, the first one last, as those after it are newer."""
    queue = Queue(archive.folder)
    found = []
    for name in reversed(queue.ids()):
        with suppress(OSError, ValueError):  # it has its turn in this moment, or a start says what is wrong with it
            one = queue.read(name)
            facts = {"id": one.id, "backlog": one.backlog.get("name"), "since_s": one.at_s}
            found.append(facts | {"tasks": len(one.backlog.get("tasks", ()))})
    return found


def _show(options: Namespace, archive: Archive, now: Mapping[str, int]) -> int:
    sprint = options.words[0]
    told = archive.chronicle(sprint)
    if told.damage is not None:
        hint(options, f"what follows its first damaged line is not shown: {told.damage}; see: engine sprint verify {sprint}")
    if options.json:
        more: dict[str, Any] = {"steps": [span._asdict() for span in told.spans], "header": told.header}
        receipts = [receipt._asdict() for receipt in told.receipts]
        show_json({"schema": SHOW_SCHEMA, **summary(told, archive, is_running=sprint in now), **more, "receipts": receipts})
        return errors.DONE
    painted = screen(options)
    state = state_of(told, is_running=sprint in now)
    lines = outcome_lines(told, archive, painted) if told.is_over else [f"{sprint} {state}: {_so_far(told)}"]
    lines += ["", *table(_STEPS, [_step(told, at) for at in range(len(told.spans))], painted)]
    lines += ["", *table(_ROLES, _role_rows(told), painted)]
    show_lines(lines)
    return errors.DONE


_STEPS = [Column("WAVE", least=8), Column("STEP"), Column("PLANNED", is_right=True), Column("TOOK", is_right=True)]
_ROLES = [
    Column("ROLE", least=8),
    Column("AGENTS", is_right=True),
    Column("DONE", is_right=True),
    Column("NOT DONE", is_right=True),
    Column("RAN", is_right=True),
    Column("WAITED", is_right=True),
]


def _so_far(told: Chronicle) -> str:
    return f"{told.verdicts['done']:,} of {figures.plural(len(told.planned), 'item')} done in {figures.span(told.seconds)}"


def _step(told: Chronicle, at: int) -> list[str]:
    span = told.spans[at]
    waves = (told.header.get("shape") or {}).get("waves", [])
    name = waves[span.wave]["name"] if span.wave < len(waves) else str(span.wave)
    return [name, span.phase, figures.span(span.planned_s), figures.span(span.end_s - span.begin_s)]


def _role_rows(told: Chronicle) -> list[list[str]]:
    rows = []
    for role, agents in (told.header.get("roles") or {}).items():
        mine = [receipt for receipt in told.receipts if receipt.role == role]
        done = sum(receipt.verdict == "done" for receipt in mine)
        ran_s, waited_s = sum(receipt.ran_s for receipt in mine), sum(receipt.waited_s for receipt in mine)
        rows.append([role, f"{agents:,}", f"{done:,}", f"{len(mine) - done:,}", figures.span(ran_s), figures.span(waited_s)])
    return rows
