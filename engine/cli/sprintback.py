"""`engine sprint rollback`: the release before, made the current one again. No engine is needed."""

from __future__ import annotations

import time
from argparse import Namespace

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

__all__ = ["run"]

SCHEMA = "engine.sprint/v1"


def run(options: Namespace) -> int:
    """Take the newest release back, or go to that of a sprint."""
    began_s = time.monotonic()
    archive = archive_of(options)
    sprint = options.words[0] if options.words else _newest(archive)
    folder, release = _shipped(archive, sprint)
    releases = Releases(PlaceDisk(), folder, time.time)
    current = releases.current()
    busy = running(options)
    for one in (sprint, _sprint_of(current or release)):
        if one in busy:
            raise Misuse(f"{one} still runs, and may ship: abort it first, with: engine sprint abort {one}")
    before, now = releases.rollback(release if options.words and current != release else None)
    took_s = time.monotonic() - began_s
    for one in (before, now):
        _note(options, archive, _sprint_of(one), before, now)
    if options.json:
        show_json({"schema": SCHEMA, "id": sprint, "from": before, "to": now, "releases": folder, "seconds": round(took_s, 6)})
    else:
        print(f"{now} is current again, {before} no more, in {figures.span(took_s)}")
    return errors.DONE


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


def _note(options: Namespace, archive: Archive, sprint: str, before: str, now: str) -> None:
    """Have it in the ledger of a sprint. It is done, whatever becomes of that."""
    try:
        _write(archive, sprint, before, now)
    except (SprintError, CheckpointError, OSError) as error:
        hint(options, f"the ledger of {sprint} does not tell of it: {error}")


def _write(archive: Archive, sprint: str, before: str, now: str) -> None:
    lines: list[Line] = []
    ledger = open_ledger(Disk(), archive.path(sprint), sprint, time.time, lines.append)
    try:
        ledger.add("rolled_back", lines[-1].facts["s"] if lines else 0.0, **{"from": before, "to": now})
        ledger.sync()
    finally:
        ledger.close()
