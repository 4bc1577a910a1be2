"""The dashboard in a process of its own, whose clock is turned by hand: an hour of use in minutes, each second with the answers
of a real engine, on every screen in turn. It prints a JSON object: cpu milliseconds of frames, and memory as time goes by."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time

from bench.daemon import NAME
from bench.figures import percentile
from bench.processes import pss_bytes
from engine.dashboard.app import Dashboard
from engine.dashboard.live import LiveSource
from engine.dashboard.screens import PLACES

__all__ = ["main"]

#: columns and rows of the screen.
SIZE = 160, 48
#: virtual seconds on one screen, before the next one is shown.
STAY_S = 20
#: share of the time after which memory is taken for what it is in the long run: each screen has been there, and is full.
SETTLED = 1 / 6


class _Clock:
    """Time, which goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = time.time()

    def __call__(self) -> float:
        return self.now_s


async def _watch(seconds: int) -> dict[str, object]:
    """The dashboard for so many virtual seconds."""
    clock = _Clock()
    source = LiveSource(NAME, os.environ)
    app = Dashboard(source, clock=clock, opened=gc.freeze)
    gc.freeze()  # as its door does
    frames_us: list[int] = []
    sizes: list[tuple[int, int]] = []
    async with app.run_test(size=SIZE) as pilot:
        for second in range(seconds):
            if second % STAY_S == 0:
                app.switch_mode(PLACES[second // STAY_S % len(PLACES)].name)
                await pilot.pause()
            clock.now_s += 1.0
            began_ns = time.thread_time_ns()
            app.tick()
            await app.workers.wait_for_complete()
            await pilot.pause()
            frames_us.append((time.thread_time_ns() - began_ns) // 1_000)
            if second % max(seconds // 60, 1) == 0:
                gc.collect()
                sizes.append((second, pss_bytes([os.getpid()])))
        gc.collect()
        sizes.append((seconds, pss_bytes([os.getpid()])))
        await source.close()
    settled = next(size for second, size in sizes if second >= seconds * SETTLED)
    return {
        "frames": len(frames_us),
        "screens": [place.name for place in PLACES],
        "p50_ms": percentile(frames_us, 0.5) / 1_000,
        "p99_ms": percentile(frames_us, 0.99) / 1_000,
        "max_ms": max(frames_us) / 1_000,
        "settled_bytes": settled,
        "last_bytes": sizes[-1][1],
    }


def main() -> None:
    """Watch for as many virtual seconds as the first word says."""
    print(json.dumps(asyncio.run(_watch(int(sys.argv[1])))))


if __name__ == "__main__":
    main()
