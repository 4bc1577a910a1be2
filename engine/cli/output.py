"""Where a verb's words go: results to standard output, hints to standard error.

Owns that division, and the one form of JSON documents.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from engine.cli.screen import Screen, screen_of

__all__ = ["hint", "screen", "show_document", "show_json", "show_lines"]

#: The form in which each row of a list is a JSON document on a line of its own.
LINES = "ndjson"


def screen(options: Namespace) -> Screen:
    """What standard output can show."""
    return screen_of(sys.stdout, no_colour=options.no_color)


def show_json(document: Any) -> None:
    """Print a JSON document on a line of its own, now."""
    print(json.dumps(document, ensure_ascii=False), flush=True)


def show_document(options: Namespace, document: Mapping[str, Any], *lists: str) -> None:
    """Print a document as JSON, or the rows of its lists as a line each, as `--output` says.

    lists: the keys under which its rows stand; of a mapping each entry is a row, {name, value}.
    """
    if getattr(options, "output", None) != LINES or not lists:
        show_json(document)
        return
    for key in lists:
        rows = document[key]
        if isinstance(rows, Mapping):
            rows = [{"name": name, "value": value} for name, value in rows.items()]
        for row in rows:
            show_json(row)


def show_lines(lines: Iterable[str]) -> None:
    """Print lines of text."""
    print("\n".join(lines))


def hint(options: Namespace, text: str) -> None:
    """Say something to the person, if one listens; behind what was printed before, also where both go into one pipe."""
    if not options.quiet and not options.json:
        sys.stdout.flush()
        print(text, file=sys.stderr)
