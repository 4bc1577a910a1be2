"""Long texts on a terminal, a screen at a time.

Owns the choice of the program that shows them, $PAGER or less, and when there is none: in a pipe, on a terminal that is high
enough, or where the program cannot be started.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

__all__ = ["show_page"]

#: What shows a page where $PAGER says nothing; -R leaves colours, -F ends where it fits, -X leaves it on the screen.
PAGER = "less -RFX"
#: Variables without which `less` would ask for more than a page needs.
CALM = {"LESSHISTFILE": "-", "LESSSECURE": "1"}


def show_page(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Print a text, through a pager where a person looks at it and it is longer than the screen."""
    words = _pager(text, environ)
    if words:
        import subprocess

        try:
            subprocess.run(words, input=text.encode(errors="replace"), env={**environ, **CALM}, check=False)
        except OSError:
            pass
        else:
            return
    sys.stdout.write(text)


def _pager(text: str, environ: Mapping[str, str]) -> list[str]:
    """The words of the program; none where the text is to be printed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or environ.get("TERM", "dumb") in ("", "dumb"):
        return []
    try:
        rows = os.get_terminal_size(sys.stdout.fileno()).lines
    except (OSError, ValueError):
        return []
    if text.count("\n") < rows:
        return []
    import shlex

    try:
        return shlex.split(environ.get("PAGER", PAGER))
    except ValueError:
        return []
