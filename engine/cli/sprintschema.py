"""`engine sprint schema`: the JSON Schema of backlogs."""

from __future__ import annotations

import json
from argparse import Namespace

from engine import errors
from engine.cli.output import show_json, show_lines
from sprints.schema import backlog_schema

__all__ = ["run"]


def run(options: Namespace) -> int:
    """Print it, on many lines for people."""
    if options.json:
        show_json(backlog_schema())
    else:
        show_lines([json.dumps(backlog_schema(), indent=2)])
    return errors.DONE
