"""The bytecode of what is measured, as an installer leaves it.

In a fresh checkout under PYTHONDONTWRITEBYTECODE each process of each round would compile its modules anew, on both sides of a
ratio: the compiler would be measured, and a third of the time until an engine has started would be its.
"""

from __future__ import annotations

import compileall
from typing import TYPE_CHECKING

from bench.machine import ROOT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["have_bytecode"]

#: what the processes of both sides load.
FOLDERS = ("bench", "checkpoints", "engine", "pools", "sprints")


def have_bytecode(root: Path = ROOT) -> bool:
    """Compile what is older than its source; returns whether all is there now: a folder may be another user's."""
    compiled = [compileall.compile_dir(root / folder, quiet=2) for folder in FOLDERS]
    return all(compiled)
