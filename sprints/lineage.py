"""A process with all that descend from it, and their end.

Owns the finding of descendants, whatever session or group they are in, and the order of killing: nobody who is looked for has
time to make another. It starts nothing. A process whose parents have all ended before is no descendant any more,
but where the first one adopts them (`adopt`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

__all__ = ["adopt", "die_with_parent", "end_descendants", "end_lineage"]

#: Rounds of looking and killing: each round meets only who was born during the one before.
ROUNDS = 200
#: Seconds between two rounds: the kernel takes that to bury a process.
ROUND_S = 0.002
#: From <linux/prctl.h>.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def adopt() -> None:
    """Have descendants of this process whose parents end become its children, so that they are found. Raises OSError."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends. Raises OSError."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def end_lineage(pid: int) -> None:
    """Kill a child of this process and all that descend from it. Its own group is killed too, where it leads one.

    It must not have been waited for: until then nobody else can have its number.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    end_descendants(pid)
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def end_descendants(pid: int) -> None:
    """Kill all that descend from a process that makes no more of them; it lives on."""
    for _ in range(ROUNDS):
        found = _descendants(pid)
        if not found:
            return
        for one in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)
        time.sleep(ROUND_S)


def _descendants(pid: int) -> list[int]:
    """Who descends from a process and has not ended."""
    found: list[int] = []
    parents = [pid]
    while parents:
        children = _children(parents.pop())
        found += [child for child in children if not _has_ended(child)]
        parents += children
    return found


def _children(pid: int) -> list[int]:
    """The children of all threads of a process; none where it has ended."""
    names = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            names += Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    return [int(name) for name in names]


def _has_ended(pid: int) -> bool:
    """Whether it only waits to be waited for, or is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
