"""`engine version`: what runs here."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from engine import __version__
from engine.cli.output import show_json
from engine.cli.parser import About, Parser

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.version/v1"

ABOUT = About(
    usage="[--json]",
    text="Says the versions of the engine, of Python and of Linux, as a report of a fault should have them.",
    examples="  engine version\n  engine version --json",
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Print the versions."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    system = os.uname()
    if options.json:
        facts = {"engine": __version__, "python": python, "system": system.sysname, "kernel": system.release}
        show_json({"schema": SCHEMA, **facts, "machine": system.machine})
    else:
        print(f"engine {__version__} (Python {python}, {system.sysname} {system.release} {system.machine})")
    return 0
