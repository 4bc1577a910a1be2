"""`startup`: what a person waits for before anything happens: the help text and the import, the interpreter included, against
an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench.daemon import engine_argv
from bench.figures import Metric, Reading
from bench.workload import Size, Workload
from bench.yardlink import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["WORKLOAD"]

#: starts of one measurement, whose mean is one reading.
STARTS = 5

NOTHING = [sys.executable, "-c", "pass"]
IMPORT = [sys.executable, "-c", "import engine"]


def _start_ms(argv: Sequence[str], starts: int) -> float:
    start = time.perf_counter()
    for _ in range(starts):
        subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - start) * 1e3 / starts


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: nothing, help, nothing, import."""
    starts = size.pick(STARTS, 1)
    commands = {"help": [*engine_argv(), "--help"], "import": IMPORT}
    for argv in (NOTHING, *commands.values()):
        _start_ms(argv, 1)
    for _ in range(size.runs):
        readings = {}
        for name, argv in commands.items():
            bare = _start_ms(NOTHING, starts)
            readings[name] = Reading(_start_ms(argv, starts), bare, starts)
        yield readings


WORKLOAD = Workload(
    name="startup",
    about="the interpreter included",
    metrics=(
        Metric("help", "ms", "engine --help", against="python -c pass", reach="≤ 120 ms, then 60"),
        Metric("import", "ms", "python -c 'import engine'", against="python -c pass", reach="≤ 60 ms, then 30"),
    ),
    rounds=rounds,
    runs=9,
)
