"""What an engine showed at an instant, for a verb that prints it.

Owns the choice of the instant, and what is said where nothing was recorded. It reads the engine's files, so that it works while
none runs, and costs one that runs nothing.
"""

from __future__ import annotations

import time
from argparse import Namespace
from typing import TYPE_CHECKING

from engine.cli import figures
from engine.cli.misuse import Misuse
from engine.cli.moment import read_moment, show_moment
from engine.cli.session import called, environment, name_of
from engine.daemon import is_running
from engine.errors import NotRecorded, NotRunning
from engine.paths import find_paths
from engine.rewind.ring import Ring

if TYPE_CHECKING:
    from engine.rewind.recording import Moment

__all__ = ["heading", "look"]

#: Seconds that clocks of two processes may seem to differ, by rounding alone.
SLACK_S = 0.01


def look(options: Namespace, when: str) -> Moment:
    """What was recorded at an instant as people type it. Raises Misuse, NotRecorded, NotRunning, RecordingDamaged, OSError."""
    now_s = time.time()
    try:
        asked_s = read_moment(when, now_s)
    except ValueError as refused:
        raise Misuse(f"--at: {refused}") from refused
    if asked_s > now_s + SLACK_S:
        raise Misuse(f"--at: {show_moment(asked_s)} is in the future; for now: engine stats")
    environ = environment()
    name = name_of(options, environ)
    paths = find_paths(name, environ)
    ring = Ring(paths.rewind)
    ring.load(asked_s)
    try:
        found = ring.at(asked_s)
    except NotRecorded as refused:
        if refused.after_s is None and is_running(paths) is None:
            raise NotRunning(
                f"{called(name)} does not run, and nothing was recorded of it; start one: engine spawn"
            ) from refused
        if refused.after_s is None:
            raise NotRecorded(
                f"{called(name)} has recorded nothing yet; try again in a moment, or see: engine doctor"
            ) from refused
        since = _named(refused.after_s)
        raise NotRecorded(
            f"nothing was recorded at {show_moment(asked_s)}: the oldest is {since}", after_s=refused.after_s
        ) from refused
    if found.gap is not None:
        raise NotRecorded(_gap(asked_s, *found.gap), before_s=found.gap[0], after_s=found.gap[1])
    return found


def heading(found: Moment) -> str:
    """The line above what was recorded."""
    return f"as recorded at {show_moment(found.time_s)}, {figures.span(max(time.time() - found.time_s, 0.0))} ago"


def _gap(asked_s: float, since_s: float, until_s: float | None) -> str:
    said = f"nothing was recorded at {show_moment(asked_s)}: "
    if until_s is None:
        return f"{said}the newest is {_named(since_s)}"
    return f"{said}the last before is {_named(since_s)}, the first after it {_named(until_s)}"


def _named(time_s: float) -> str:
    """An instant as it can be typed."""
    return f"--at {show_moment(time_s).replace(' ', 'T')}"
