"""What the kernel counts for processes: their memory, their cpu time, their cores. It reads /proc and starts nothing."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["cpu_ns", "family", "on_one_core", "pss_bytes"]

PROC = Path("/proc")


def family(pid: int | None = None) -> list[int]:
    """A process (this one by default) and all that it started, directly or not, which still run."""
    root = psutil.Process(pid)
    return [root.pid, *(child.pid for child in root.children(recursive=True))]


def pss_bytes(pids: Iterable[int]) -> int:
    """The proportional set sizes together: memory that processes share is counted once."""
    return sum(_pss_bytes((PROC / str(pid) / "smaps_rollup").read_text()) for pid in pids)


def _pss_bytes(rollup: str) -> int:
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("smaps_rollup has no line Pss")


def cpu_ns(pids: Iterable[int]) -> int:
    """Nanoseconds that all threads of the processes have run on a core."""
    return sum(int((thread / "schedstat").read_text().split()[0]) for pid in pids for thread in _threads(pid))


def _threads(pid: int) -> list[Path]:
    return sorted((PROC / str(pid) / "task").iterdir())


@contextmanager
def on_one_core(pids: Iterable[int]) -> Iterator[int]:
    """Keep every thread of the processes on one core inside the block; afterwards each has its own set again."""
    core = min(os.sched_getaffinity(0))
    threads = [int(thread.name) for pid in pids for thread in _threads(pid)]
    before = {thread: os.sched_getaffinity(thread) for thread in threads}
    for thread in threads:
        os.sched_setaffinity(thread, {core})
    try:
        yield core
    finally:
        for thread, cores in before.items():
            os.sched_setaffinity(thread, cores)
