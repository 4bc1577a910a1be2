"""How the dashboard is opened: from the words of `engine monitor` to an app on a terminal.

Owns the choice of the source, the signals that end it, and the exit code. However it ends, but for SIGKILL, the terminal is
as it was.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Mapping
from functools import partial

from engine.dashboard.app import Dashboard
from engine.dashboard.live import LiveSource
from engine.dashboard.source import Source
from engine.errors import FAILED

__all__ = ["watch"]

#: Signals that end it, each with 128 and its number as the exit code.
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def watch(
    name: str,
    environ: Mapping[str, str],
    *,
    interval_s: float,
    has_colour: bool,
    record: str | None = None,
    replay: str | None = None,
) -> int:
    """Show the engine of a name until somebody quits; returns the exit code.

    record: a file that what is shown is written to.  replay: such a file, to be shown instead of an engine.

    Raises RecordingInUse, RecordingDamaged, OSError.
    """
    source: Source = LiveSource(name, environ)
    if replay is not None:
        from engine.dashboard.replay import ReplaySource

        source = ReplaySource(replay)
    elif record is not None:
        return _taped(source, record, interval_s, has_colour=has_colour)
    return asyncio.run(_show(Dashboard(source, interval_s=interval_s, has_colour=has_colour)))


def _taped(source: Source, path: str, interval_s: float, *, has_colour: bool) -> int:
    """Show it, and record what is shown: one that could not go on is told of at the end, too."""
    from engine.dashboard.replay import TapedSource

    taped = TapedSource(source, path)
    app = Dashboard(taped, interval_s=interval_s, has_colour=has_colour, note=lambda: taped.note)
    taped.told = partial(app.notify, title="The recording has ended", severity="error", timeout=60, markup=False)
    code = asyncio.run(_show(app))
    if taped.why:
        print(f"engine: {taped.why}", file=sys.stderr)
    return code or (FAILED if taped.why else 0)


async def _show(app: Dashboard) -> int:
    loop = asyncio.get_running_loop()
    gc.freeze()  # what is loaded stays: a look for garbage that goes over all of it holds up a frame
    for number in ENDINGS:
        loop.add_signal_handler(number, app.exit, 128 + number)
    try:
        code = await app.run_async()
    finally:
        for number in ENDINGS:
            loop.remove_signal_handler(number)
        await app.source.close()
    return app.return_code or 0 if code is None else code
