"""`engine sprint run`: a backlog, worked on in sprints by the engine.

Owns the way of a backlog from its file into the engine, and what is shown while its sprints run. They run in the engine: who
stops looking stops nothing.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.backlogfile import read_backlog_file
from engine.backlogway import handed_over, references_of
from engine.cli.growth import Wish, grow
from engine.cli.orders import Order
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.screen import cells, clean, screen_of
from engine.cli.session import called, command, config_of, environment, request
from engine.cli.sprintlines import moment, outcome_lines, summary
from engine.paths import find_paths
from pools.errors import LinkClosed
from sprints.archive import Archive

if TYPE_CHECKING:
    from sprints.backlog import Backlog
    from sprints.chronicle import Chronicle

__all__ = ["run"]

SCHEMA = "engine.sprint/v1"
#: Seconds between two looks at a sprint, and between two plain lines about it.
LOOK_S, LINE_S = 0.2, 5.0
#: Seconds for which an engine that went away is waited for: as long as a client waits for one that keeps state.
PATIENCE_S = 30.0


def run(options: Namespace) -> int:
    """Begin, and show the sprints until the last one has ended."""
    file = Path(options.words[0])
    backlog = read_backlog_file(Path("/dev/stdin") if str(file) == "-" else file)
    folder = Path.cwd() if str(file) == "-" else file.resolve().parent
    config, environ = config_of(options), environment()
    paths = find_paths(config.name, environ)
    places = list(dict.fromkeys([str(Path.cwd()), str(folder), str(config.folder)]))
    references = references_of(backlog, folder, options.use)
    grown = grow(config, environ, Wish(_orders(backlog), references, places, False))
    if grown.started is not None:
        hint(options, f"started {called(config.name)} (pid {grown.started.pid})")
    archive = Archive(str(paths.sprints))
    seen = command(config.name, "sprint ls")
    try:
        begun = request(
            options,
            "sprint-run",
            file=handed_over(paths.sprints, backlog),
            folder=str(folder),
            sprints=None if options.every else options.sprints or 1,
            speed=options.speed or 1.0,
            seed=options.seed or 0,
            path=places,
            price=config.price,
            is_plain=options.plain,
            is_queued=options.queue,
        )
        if begun.get("queued"):
            if options.detach:
                return _leave(options, begun)
            hint(options, f"{begun['queued']} waits for its turn on {clean(backlog.name)}; see: {seen}")
            begun = _patiently(options, "sprint-turn", queued=begun["queued"])
    except KeyboardInterrupt:
        hint(options, f"\nif it has begun or waits, it goes on in {called(config.name)}; see: {seen}")
        raise
    if not begun["sprint"]:
        _show_nothing(options, backlog.name)
        return errors.DONE
    if options.detach:
        return _leave(options, begun)
    try:
        return _follow(options, archive, begun["sprint"])
    except KeyboardInterrupt:
        hint(options, f"\nit goes on in {called(config.name)}; see: {seen}")
        raise


def _orders(backlog: Backlog) -> list[Order]:
    wanted: dict[str, int] = {}
    for role in backlog.roles.values():
        wanted[role.kind] = wanted.get(role.kind, 0) + role.agents
    return [Order(kind, count) for kind, count in wanted.items()]


def _show_nothing(options: Namespace, backlog: str) -> None:
    if options.json:
        show_json({"schema": SCHEMA, "backlog": backlog, "id": None, "state": "nothing left"})
    else:
        print(f"nothing of {clean(backlog)} is left to do")


def _leave(options: Namespace, begun: dict[str, Any]) -> int:
    if options.json:
        show_json({"schema": SCHEMA, **begun})
    elif begun.get("queued"):
        print(f"{begun['queued']} waits for its turn on {clean(begun['backlog'])}")
    else:
        print(f"{begun['sprint']} has begun on {clean(begun['backlog'])}")
    return errors.DONE


def _follow(options: Namespace, archive: Archive, first: str) -> int:
    """Show each sprint of a campaign as it goes and when it has ended; returns 0 if all that was planned is done and shipped.

    first: its first sprint.
    """
    known = {sprint for sprint in archive.ids() if sprint != first}  # those before
    left: set[str] = set()
    is_bad = False
    said_s, pace = 0.0, _Pace()
    while True:
        status = next((one for one in _patiently(options, "sprint-status") if one["campaign"] == first), None)
        for sprint in archive.ids():
            if sprint in known or (status is not None and sprint == status["sprint"]):
                continue  # a ledger is long: it is read once it has ended
            told = archive.chronicle(sprint)
            if told.is_over or status is None:
                known.add(sprint)
            if told.is_over and told.header.get("campaign") == first:
                left |= set(told.planned)
                left -= {receipt.item for receipt in told.receipts if receipt.verdict == "done"}
                is_bad = is_bad or not _is_whole(told)
                _show_ended(options, archive, told)
        if status is None:
            break
        if time.monotonic() - said_s >= (LOOK_S if screen_of(sys.stderr).is_moving else LINE_S):
            said_s = time.monotonic()
            _show_moment(options, status, pace.per_s(status))
        time.sleep(LOOK_S)
    _show_moment(options, None)
    _patiently(options, "sprint-wait", sprint=first)  # says it if it failed
    return errors.FAILED if left or is_bad else errors.DONE


class _Pace:
    """How many items of a sprint end in a second, since it was first looked at."""

    def __init__(self) -> None:
        self._sprint = ""
        self._since: tuple[float, int] = (0.0, 0)

    def per_s(self, status: dict[str, Any]) -> float | None:
        """The pace until now; None before there is one."""
        if not status.get("phase"):
            return None
        counts, now_s = status["counts"], time.monotonic()
        ended = sum(counts[verdict] for verdict in ("done", "failed", "unproven", "expired", "cancelled"))
        if status["sprint"] != self._sprint:
            self._sprint, self._since = status["sprint"], (now_s, ended)
        since_s, before = self._since
        return (ended - before) / (now_s - since_s) if now_s > since_s and ended > before else None


def _patiently(options: Namespace, verb: str, **facts: Any) -> Any:
    """As `request`; an engine that went away is waited for, since its sprints go on when it starts again.

    Raises NotRunning, LinkClosed.
    """
    until_s = 0.0
    while True:
        try:
            return request(options, verb, **facts)
        except (errors.NotRunning, LinkClosed) as error:
            if not until_s:
                until_s = time.monotonic() + PATIENCE_S
                _show_moment(options, None)
                hint(options, f"engine: it is gone; waiting up to {PATIENCE_S:g} s for its return, as the sprint goes on then")
            elif time.monotonic() > until_s:
                raise errors.NotRunning("the engine is gone; its sprint goes on when it starts again: engine start") from error
            time.sleep(LOOK_S)


def _is_whole(told: Chronicle) -> bool:
    """Whether a sprint was not aborted, and all that it has done is in a release."""
    return told.aborted is None and told.verdicts["done"] <= sum(items for _, items in told.releases)


def _show_moment(options: Namespace, status: dict[str, Any] | None, per_s: float | None = None) -> None:
    """How far a sprint is: on a terminal in a line that is written over, else in one now and then."""
    if options.quiet or options.json:
        return
    shown = screen_of(sys.stderr, no_colour=options.no_color)
    if shown.is_moving:
        line = "" if status is None else moment(status, per_s)
        while cells(line) >= (shown.width or 80):
            line = line[:-1]
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
    elif status is not None and status.get("phase"):
        print(moment(status, per_s), file=sys.stderr, flush=True)


def _show_ended(options: Namespace, archive: Archive, told: Chronicle) -> None:
    _show_moment(options, None)
    if options.json:
        show_json({"schema": SCHEMA, **summary(told, archive)})
    else:
        show_lines(outcome_lines(told, archive, screen(options)))
