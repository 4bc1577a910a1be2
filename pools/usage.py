"""What a process has used, and whether it stands still: read from the kernel, without asking the process.

Owns the few lines of procfs that the supervision of workers needs. A process that is gone has used nothing.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["cpu_s", "is_asleep", "is_runnable", "resident_bytes", "wanted_s", "written_bytes"]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: How the kernel numbers the clock of another process's processor time (CPUCLOCK_SCHED, see clock_getcpuclockid(3)).
_SCHED = 2


def cpu_s(pid: int) -> float:
    """Seconds of processor time of all threads of a process."""
    try:
        return time.clock_gettime((~pid << 3) | _SCHED)
    except OSError:
        return 0.0


def wanted_s(pid: int | None) -> float:
    """Seconds for which a process's first thread ran, or would have run if it had got a processor."""
    try:
        ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_bytes().split()
    except (OSError, ValueError):
        return 0.0
    return (int(ran) + int(waited)) / 1e9


def is_asleep(pid: int) -> bool:
    """Whether every thread of a process waits for something that is neither a processor nor a disk."""
    return _states(pid) == {b"S"}


def is_runnable(pid: int) -> bool:
    """Whether a thread of a process, for which the others may wait, would go on if it got a processor or a disk answered."""
    return not _states(pid).isdisjoint((b"R", b"D"))


def _states(pid: int) -> set[bytes]:
    """The letters of its threads' states, see proc(5); none where the process is gone."""
    states = set()
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            said = (thread / "stat").read_bytes()
            states.add(said[said.rindex(b")") + 2 :][:1])
    except OSError:
        return states
    return states


def resident_bytes(pid: int | str = "self") -> int:
    """Bytes of memory that a process holds, what it shares included."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def written_bytes(pid: int) -> int | None:
    """Bytes that a process caused to be written to a disk; None where the kernel does not say, or the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/io").read_bytes().splitlines():
            if line.startswith(b"write_bytes:"):
                return int(line.split()[1])
    except OSError:
        return None
    return None
