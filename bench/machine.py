"""Facts of the machine and of the source that a measurement ran on, so that a number can be judged later."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench.folder import filesystem

__all__ = ["COMMIT_UNKNOWN", "commit", "machine_facts"]

#: what stands for the commit where there is none.
COMMIT_UNKNOWN = "none"

#: packages whose version moves the figures.
PACKAGES = ("uvloop", "orjson", "lz4", "numpy")

ROOT = Path(__file__).resolve().parent.parent


def machine_facts() -> dict[str, object]:
    """Cores, memory, kernel, versions, file system of what is kept, load average and commit, as they are now."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu_name(Path("/proc/cpuinfo").read_text(errors="replace")),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "filesystem": filesystem(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "commit": commit(),
    }


def commit() -> str:
    """The short hash of the source, with `+dirty` when the work tree differs from it anywhere but in bench/results."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        return COMMIT_UNKNOWN
    changed = _git("status", "--porcelain", "--", ".", ":(exclude)bench/results")
    return f"{head}+dirty" if changed else head


def _git(*args: str) -> str:
    try:
        done = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _cpu_name(cpuinfo: str) -> str:
    names = (line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name"))
    return next(names, "unknown")
