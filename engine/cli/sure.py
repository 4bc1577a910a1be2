"""The question before something that cannot be undone.

Owns who is asked, and what counts as a yes.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from engine.cli.misuse import Misuse

__all__ = ["is_sure", "must_ask"]


def must_ask(options: Namespace, what: str) -> bool:
    """Whether the person is to be asked first. what: `rm removes agents`.  Raises Misuse where nobody can be."""
    if options.yes:
        return False
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Misuse(f"{what} for good, and nobody can be asked here: say --yes")
    return True


def is_sure(question: str) -> bool:
    """Whether the person says yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
