"""A program that ends with the process that started it, however that one ended.

Owns the moment between fork and exec: the kernel is told to kill this process with its parent, and it is looked whether the
parent still lives. The program that follows inherits that.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main", "tethered"]


def tethered(words: list[str]) -> list[str]:
    """The command that runs a program, named by its path, as a child that ends with this process's main thread."""
    return [sys.executable, "-P", "-m", "engine.cluster.tether", str(os.getpid()), *words]


def main(words: list[str]) -> None:
    """Become the program. words: the parent's pid, and the command."""
    from sprints.lineage import die_with_parent

    die_with_parent()
    if os.getppid() != int(words[0]):
        raise SystemExit(1)
    os.execv(words[1], words[1:])  # noqa: S606 the program takes this process's place


if __name__ == "__main__":
    main(sys.argv[1:])
