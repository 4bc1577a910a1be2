"""`engine sprint rollback`: the release before, made the current one again. No engine is needed."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from checkpoints.errors import CheckpointError
from checkpoints.files import Disk
from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse
from engine.cli.output import hint, show_json
from engine.cli.sprintls import archive_of, running
from sprints.archive import Archive
from sprints.errors import SprintError
from sprints.ledger import Line, open_ledger
from sprints.place import PlaceDisk
from sprints.release import Releases

__all__ = ["run", "take_back"]

SCHEMA = "engine.sprint/v1"


def run(options: Namespace) -> int:
    """Take the newest release back, or go to that of a sprint."""
    sprint = options.words[0] if options.words else None
    said = take_back(archive_of(options), running(options), sprint, partial(hint, options))
    if options.json:
        show_json({"schema": SCHEMA, **said})
    else:
        print(f"{said['to']} is current again, {said['from']} no more, in {figures.span(said['seconds'])}")
    return errors.DONE


def take_back(archive: Archive, busy: Collection[str], named: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the release before the current one again, or that of a sprint.

    busy: sprints that run.  named: the sprint, None for the newest that shipped.  say: told what could not be noted.
    Returns the sprint's `id`, the releases `from` and `to`, their folder (`releases`), and the `seconds` it took.
    Raises Misuse, SprintError.
    """
    began_s = time.monotonic()
    sprint = named or _newest(archive)
    folder, release = _shipped(archive, sprint)
    releases = Releases(PlaceDisk(), folder, time.time)
    current = releases.current()
    for one in (sprint, _sprint_of(current or release)):
        if one in busy:
            raise Misuse(f"{one} still runs, and may ship: abort it first, with: engine sprint abort {one}")
    before, now = releases.rollback(release if named and current != release else None)
    took_s = time.monotonic() - began_s
    for one in (before, now):
        _note(say, archive, _sprint_of(one), before, now)
    return {"id": sprint, "from": before, "to": now, "releases": folder, "seconds": round(took_s, 6)}


def _newest(archive: Archive) -> str:
    """The newest sprint that shipped. Raises Misuse."""
    for sprint in reversed(archive.ids()):
        if archive.chronicle(sprint).releases:
            return sprint
    raise Misuse("no sprint has shipped yet, so there is nothing to take back")


def _shipped(archive: Archive, sprint: str) -> tuple[str, str]:
    """The folder of releases and the last release of a sprint. Raises Misuse, UnknownSprint."""
    found = [event for event in archive.events(sprint) if event["e"] == "shipped"]
    if not found:
        raise Misuse(f"{sprint} has shipped nothing")
    return found[-1]["releases"], found[-1]["release"]


def _sprint_of(release: str) -> str:
    return release.partition("-")[2]


def _note(say: Callable[[str], None], archive: Archive, sprint: str, before: str, now: str) -> None:
    """Have it in the ledger of a sprint. It is done, whatever becomes of that."""
    try:
        _write(archive, sprint, before, now)
    except (SprintError, CheckpointError, OSError) as error:
        say(f"the ledger of {sprint} does not tell of it: {error}")


def _write(archive: Archive, sprint: str, before: str, now: str) -> None:
    lines: list[Line] = []
    ledger = open_ledger(Disk(), archive.path(sprint), sprint, time.time, lines.append)
    try:
        ledger.add("rolled_back", lines[-1].facts["s"] if lines else 0.0, **{"from": before, "to": now})
        ledger.sync()
    finally:
        ledger.close()
