"""Where a verb's words go: results to standard output, hints to standard error.

Owns that division, and the one form of JSON documents.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from typing import Any

from engine.cli.screen import Screen, screen_of

__all__ = ["hint", "screen", "show_json", "show_lines"]


def screen(options: Namespace) -> Screen:
    """What standard output can show."""
    return screen_of(sys.stdout, no_colour=options.no_color)


def show_json(document: Any) -> None:
    """Print a JSON document on a line of its own, now."""
    print(json.dumps(document, ensure_ascii=False), flush=True)


def show_lines(lines: Iterable[str]) -> None:
    """Print lines of text."""
    print("\n".join(lines))


def hint(options: Namespace, text: str) -> None:
    """Say something to the person, if one listens."""
    if not options.quiet and not options.json:
        print(text, file=sys.stderr)
