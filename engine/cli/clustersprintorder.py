"""What is said when a sprint of a cluster was told something: `engine cluster sprint pause`, `resume`, `abort` and `rollback`.

Owns the words and the exit code: what whoever drives has not obeyed yet is not done, though it stays wanted.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from engine import errors
from engine.cli import figures
from engine.cli.output import hint, show_json
from engine.cli.screen import clean
from engine.cli.sprintorder import SAID, TAKEN_OUT
from sprints.queue import is_queued_id

__all__ = ["show_asked", "show_rollback"]

SCHEMA = "engine.cluster.sprint/v1"


def show_asked(options: Namespace, heard: Sequence[dict[str, Any]]) -> int:
    """Say what has become of a wish; returns 3 where nobody has obeyed it yet."""
    row = heard[-1]
    if options.json:
        show_json({"schema": SCHEMA, **row})
    elif row["is_obeyed"]:
        print(f"{row['id']} {TAKEN_OUT if is_queued_id(row['id']) else SAID[row['asked']]}")
    if row["is_obeyed"]:
        return errors.DONE
    hint(options, f"{row['id']}: nobody who drives has done it yet, whoever does next will; see: engine cluster sprint ls")
    return errors.AGAIN


def show_rollback(options: Namespace, heard: Sequence[dict[str, Any]]) -> int:
    """Say which release counts again, and where it is current."""
    row = heard[-1]
    for said in row["not_noted"]:
        hint(options, clean(said))
    if options.json:
        show_json({"schema": SCHEMA, **row})
        return errors.DONE
    where = f" on {row['node']}" if row["node"] else "; nobody drives now, it will be so on the node that does next"
    print(clean(f"{row['to']} is current again, {row['from']} no more, in {figures.span(row['seconds'])}{where}"))
    return errors.DONE
