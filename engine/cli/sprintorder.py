"""`engine sprint pause`, `resume` and `abort`: what a sprint that runs, or waits for its turn, is told."""

from __future__ import annotations

from argparse import Namespace

from engine import errors
from engine.cli.misuse import Misuse
from engine.cli.output import show_json
from engine.cli.session import request
from sprints.queue import is_queued_id

__all__ = ["SAID", "TAKEN_OUT", "run"]

SCHEMA = "engine.sprint/v1"
#: What is said of a sprint that was told each, and of a campaign that waited.
SAID = {
    "pause": "is paused: nothing more is sent, and its time stands still",
    "resume": "goes on",
    "abort": "is aborted: what is out is taken back, and carried",
}
TAKEN_OUT = "is taken out of the queue"


def run(options: Namespace) -> int:
    """Tell the sprint, or the one that runs."""
    sprint = options.words[0] if options.words else _only(options)
    request(options, f"sprint-{options.action}", sprint=sprint)
    if options.json:
        show_json({"schema": SCHEMA, "id": sprint, "asked": options.action})
    else:
        print(f"{sprint} {TAKEN_OUT if is_queued_id(sprint) else SAID[options.action]}")
    return errors.DONE


def _only(options: Namespace) -> str:
    """The one sprint that runs. Raises Misuse where there is none, or more than one."""
    ids = [one["sprint"] for one in request(options, "sprint-status") if one.get("phase")]
    if len(ids) != 1:
        named = f"{', '.join(ids)} run" if ids else "no sprint runs"
        raise Misuse(f"{options.action} which sprint? {named}; write its id")
    return str(ids[0])
