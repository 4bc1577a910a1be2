"""What this machine gives the engine: cores and memory, as far as this process may use them.

Owns the look at the machine, once and on demand; everything above takes a `Machine` as an argument.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Machine", "read_machine"]

#: Where a container sees the memory limit of its own control group, new interface and old.
LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Machine:
    """cores: that this process may run on.  mem_bytes: of the machine, or of the container if that is less."""

    cores: int
    mem_bytes: int


def read_machine(root: Path = Path("/")) -> Machine:
    """The machine that this process runs on; `root` is the file system's."""
    total_kib = next(
        int(line.split()[1])
        for line in (root / "proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal:")
    )
    sizes = [total_kib * 1024]
    for limit in LIMITS:
        with suppress(OSError, ValueError):
            sizes.append(int((root / limit).read_text()))
    return Machine(cores=len(os.sched_getaffinity(0)), mem_bytes=min(sizes))
