"""`engine stop`: end the engine."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.output import show_json
from engine.cli.parser import About, Parser
from engine.cli.session import called, command, environment, name_of
from engine.errors import EngineStopped, LinkClosed, NotRunning, Unavailable

if TYPE_CHECKING:
    from engine.paths import Paths

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.stop/v1"
#: Seconds between two looks whether the engine's process has ended.
LOOK_S = 0.005
#: Seconds that an engine has to end: its workers' grace, and some more. In an emergency: to answer, before it is killed.
END_S, ANSWER_S = 15.0, 1.0

ABOUT = About(
    usage="[--emergency] [--json]",
    text="""\
Ends the engine and returns when its process is gone, and its keeper too. Tasks that run may end within five seconds. With
durability: memory the state of agents is gone with it. An engine that does not run is fine: it is said, and the exit code is
0.""",
    examples="  engine stop\n  engine stop --emergency        at once, also an engine that no longer answers",
)


def add_arguments(parser: Parser) -> None:
    """How hard."""
    parser.add_argument(
        "--emergency", action="store_true", help="kill the workers now; kill the engine too if it does not answer"
    )


def run(options: Namespace) -> int:
    """Stop it."""
    environ = environment()
    name = name_of(options, environ)
    began_s = time.monotonic()
    said = _stop(name, environ, is_emergency=options.emergency)
    seconds = time.monotonic() - began_s
    if options.json:
        show_json({"schema": SCHEMA, "name": name, "was_running": said is not None, "seconds": seconds, **(said or {})})
    elif said is None:
        print(f"{called(name)} does not run: nothing to stop")
    else:
        print(f"stopped {called(name)} in {figures.span(seconds)}{_had(said)}")
    return 0


def _had(said: Mapping[str, Any]) -> str:
    if "tasks" not in said:
        return f": pid {said['pid']} did not answer and was killed"
    tasks = said["tasks"]
    failed = f", {figures.count(tasks['failed'])} failed" if tasks["failed"] else ""
    return (
        f": it ran {figures.span(said['uptime_s'])}, had {figures.plural(said['agents'], 'agent')}, "
        f"did {figures.plural(tasks['done'], 'task')}{failed}"
    )


def _stop(name: str, environ: Mapping[str, str], *, is_emergency: bool) -> dict[str, Any] | None:
    """End the engine of that name; returns what it had, None if it did not run. Raises Unavailable if it does not end."""
    from engine.daemon import is_running
    from engine.keeper import end_keeper
    from engine.paths import find_paths

    paths = find_paths(name, environ)
    end_keeper(paths)  # before anything else: it is not to be started again
    deadline_s = time.monotonic() + END_S
    said: dict[str, Any] | None = None
    while (pid := is_running(paths)) is not None:
        if said is None:
            said = _ask_to_stop(paths, environ, is_emergency=is_emergency)
        if time.monotonic() > deadline_s:
            mend = command(name, "stop --emergency")
            raise Unavailable(f"{called(name)} (pid {pid}) has not ended after {END_S:.0f} s; kill it: {mend}")
        time.sleep(LOOK_S)
    return said


def _ask_to_stop(paths: Paths, environ: Mapping[str, str], *, is_emergency: bool) -> dict[str, Any] | None:
    """What the engine said when it was asked to end; None if it does not listen, as while it starts or ends already."""
    from engine.daemon import kill
    from engine.line import Line

    try:
        with Line(paths.name, environ, timeout_s=ANSWER_S if is_emergency else END_S) as line:
            said: dict[str, Any] = line.request("stop", emergency=is_emergency)
            return said
    except (NotRunning, EngineStopped, LinkClosed):
        killed = kill(paths) if is_emergency else None
        return None if killed is None else {"pid": killed}
