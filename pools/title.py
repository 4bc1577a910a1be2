"""What `ps` and `top` show for a process.

The kernel shows the memory that held the command line; a fork has its parent's, until it writes its own there.
"""

from __future__ import annotations

import contextlib

__all__ = ["entitle"]

#: Where /proc/self/stat says from where to where that memory goes, counted from the state (proc_pid_stat(5), 48 and 49).
ARG_START, ARG_END = 45, 46


def entitle(*words: str) -> None:
    """Show these words as this process's command line, cut to the room there is; nothing where the kernel forbids it."""
    with contextlib.suppress(OSError):
        with open("/proc/self/stat", "rb") as stat:  # noqa: PTH123 - pathlib takes 4 ms to load
            facts = stat.read().rpartition(b")")[2].split()
        start, end = int(facts[ARG_START]), int(facts[ARG_END])
        room = end - start
        with open("/proc/self/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
            memory.seek(start)
            memory.write("\0".join(words).encode()[: room - 1].ljust(room, b"\0"))
