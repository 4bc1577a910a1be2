"""`engine sprint run`: a backlog, worked on in sprints by the engine.

Owns the way of a backlog from its file into the engine, and what is shown while its sprints run. They run in the engine: who
stops looking stops nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine import errors
from engine.backlogfile import read_backlog_file
from engine.cli.growth import Wish, grow
from engine.cli.orders import Order
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.session import called, command, config_of, environment, request
from engine.cli.sprintlines import moment, outcome_lines, summary
from engine.paths import find_paths
from sprints.archive import Archive

if TYPE_CHECKING:
    from sprints.backlog import Backlog
    from sprints.chronicle import Chronicle

__all__ = ["run"]

SCHEMA = "engine.sprint/v1"
#: Seconds between two looks at a sprint, and between two plain lines about it.
LOOK_S, LINE_S = 0.2, 5.0


def run(options: Namespace) -> int:
    """Begin, and show the sprints until the last one has ended."""
    file = Path(options.words[0])
    backlog = read_backlog_file(Path("/dev/stdin") if str(file) == "-" else file)
    folder = Path.cwd() if str(file) == "-" else file.resolve().parent
    config, environ = config_of(options), environment()
    paths = find_paths(config.name, environ)
    places = list(dict.fromkeys([str(Path.cwd()), str(folder), str(config.folder)]))
    references = [_absolute(reference, folder) for reference in [*backlog.use, *options.use]]
    grown = grow(config, environ, Wish(_orders(backlog), references, places, False))
    if grown.started is not None:
        hint(options, f"started {called(config.name)} (pid {grown.started.pid})")
    archive = Archive(str(paths.sprints))
    known = set(archive.ids())
    begun = request(
        options,
        "sprint-run",
        file=_handed_over(paths.sprints, backlog),
        folder=str(folder),
        sprints=None if options.every else options.sprints or 1,
        speed=options.speed or 1.0,
        seed=options.seed or 0,
        path=places,
        price=config.price,
        is_plain=options.plain,
        is_queued=options.queue,
    )
    if not begun["sprint"]:
        print(f"nothing of {backlog.name} is left to do")
        return errors.DONE
    if options.detach:
        return _leave(options, begun)
    try:
        return _follow(options, archive, backlog.name, known)
    except KeyboardInterrupt:
        hint(options, f"\nit goes on in {called(config.name)}; see: {command(config.name, 'sprint ls')}")
        raise


def _orders(backlog: Backlog) -> list[Order]:
    wanted: dict[str, int] = {}
    for role in backlog.roles.values():
        wanted[role.kind] = wanted.get(role.kind, 0) + role.agents
    return [Order(kind, count) for kind, count in wanted.items()]


def _absolute(reference: str, folder: Path) -> str:
    """A class in a file means the file beside the backlog, wherever the engine runs."""
    place, _, name = reference.rpartition(":")
    return f"{(folder / place).resolve()}:{name}" if place.endswith(".py") else reference


def _handed_over(folder: Path, backlog: Backlog) -> str:
    """A file with the backlog for the engine, which removes it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="backlog-", suffix=".json", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(backlog.row()))
    return name


def _leave(options: Namespace, begun: dict[str, Any]) -> int:
    if options.json:
        show_json({"schema": SCHEMA, **begun})
    else:
        print(f"{begun['sprint']} has begun on {begun['backlog']}")
    return errors.DONE


def _follow(options: Namespace, archive: Archive, backlog: str, known: set[str]) -> int:
    """Show each sprint as it goes and when it has ended; returns 0 if all that was planned is done and shipped."""
    shown: list[str] = []
    is_good = True
    said_s = 0.0
    while True:
        status = next((one for one in request(options, "sprint-status") if one["backlog"] == backlog), None)
        for sprint in archive.ids():
            told = archive.chronicle(sprint) if sprint not in known else None
            if told is not None and told.is_over and told.header.get("backlog") == backlog:
                known.add(sprint)
                shown.append(sprint)
                is_good = is_good and _is_whole(told)
                _show_ended(options, archive, sprint)
        if status is None:
            break
        if time.monotonic() - said_s >= (LOOK_S if sys.stderr.isatty() else LINE_S):
            said_s = time.monotonic()
            _show_moment(options, status)
        time.sleep(LOOK_S)
    _show_moment(options, None)
    if not shown:
        hint(options, f"no sprint of {backlog} ended; see: engine events")
        return errors.FAILED
    return errors.DONE if is_good else errors.FAILED


def _is_whole(told: Chronicle) -> bool:
    """Whether all that a sprint planned is done, and in a release."""
    shipped = sum(items for _, items in told.releases)
    return told.aborted is None and len(told.planned) == told.verdicts["done"] == shipped


def _show_moment(options: Namespace, status: dict[str, Any] | None) -> None:
    """How far a sprint is: on a terminal in a line that is written over, else in one now and then."""
    if options.quiet or options.json:
        return
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + ("" if status is None else moment(status)))
        sys.stderr.flush()
    elif status is not None and status.get("phase"):
        print(moment(status), file=sys.stderr, flush=True)


def _show_ended(options: Namespace, archive: Archive, sprint: str) -> None:
    _show_moment(options, None)
    told = archive.chronicle(sprint)
    if options.json:
        show_json({"schema": SCHEMA, **summary(told, archive)})
    else:
        show_lines(outcome_lines(told, archive, screen(options)))
