"""Measurements that need a process of their own: memory and first-time costs are not seen in a heap that was used before. A
workload's module run as `python -m bench.NAME SIDE COUNT` prints one JSON object; here it is started and read."""

from __future__ import annotations

import subprocess
import sys

import orjson

from bench.yardlink import ROOT

__all__ = ["measured_afresh"]

#: seconds that one measurement may take.
TIMEOUT_S = 300.0


def measured_afresh(workload: str, side: str, count: int, *more: str) -> dict[str, float]:
    """What the module of a workload measures in a new process. more: further arguments.

    Raises OSError when it fails; what it said is on stderr.
    """
    argv = [sys.executable, "-m", f"bench.{workload}", side, str(count), *more]
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(argv)} ended with {done.returncode}")
    measured: dict[str, float] = orjson.loads(done.stdout)
    return measured
