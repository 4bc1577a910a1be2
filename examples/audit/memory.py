"""The memory of this process and all processes below it, as the kernel counts it."""

from __future__ import annotations

import psutil

__all__ = ["memory_bytes"]


def memory_bytes() -> int:
    """Proportional set size of this process and all below it, in bytes: shared pages are counted once, in shares."""
    here = psutil.Process()
    total = 0
    for process in [here, *here.children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total
