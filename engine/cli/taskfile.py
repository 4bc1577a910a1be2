"""Where tasks are read from: a file, or standard input.

Owns the opening of it; what its lines mean is not known here.
"""

from __future__ import annotations

import os
import stat

from engine.cli.misuse import Misuse

__all__ = ["open_tasks", "size_bytes"]


def open_tasks(file: str) -> int:
    """The descriptor of the tasks; - is standard input. Raises Misuse."""
    if file == "-":
        return 0
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise Misuse(f"{file} is a folder; give a file of JSON lines, or - for standard input")
    except OSError as refused:
        raise Misuse(f"{file} cannot be read: {refused.strerror}") from refused
    return descriptor


def size_bytes(descriptor: int) -> int | None:
    """How much there is to read; None where that is not known, as of a pipe."""
    facts = os.fstat(descriptor)
    return facts.st_size if stat.S_ISREG(facts.st_mode) else None
