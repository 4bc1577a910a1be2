"""What this machine gives the engine: cores and memory, as far as this process may use them.

Owns the look at the machine, once and on demand; everything above takes a `Machine` as an argument.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Machine", "available_bytes", "read_machine"]

#: Where a container sees the memory limit of its own control group, new interface and old.
LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")

#: Bytes of the unit of /proc/meminfo, which it writes kB.
KIB = 1_024


class Machine(NamedTuple):
    """cores: that this process may run on.  mem_bytes: of the machine, or of the container if that is less."""

    cores: int
    mem_bytes: int


def read_machine(root: Path = Path("/")) -> Machine:
    """The machine that this process runs on; `root` is the file system's."""
    sizes = [_meminfo_bytes(root, "MemTotal")]
    for limit in LIMITS:
        with suppress(OSError, ValueError):
            sizes.append(int((root / limit).read_text()))
    return Machine(cores=len(os.sched_getaffinity(0)), mem_bytes=min(sizes))


def available_bytes(root: Path = Path("/")) -> int:
    """Memory that can be had now without swapping."""
    return _meminfo_bytes(root, "MemAvailable")


def _meminfo_bytes(root: Path, name: str) -> int:
    lines = (root / "proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith(f"{name}:"))
