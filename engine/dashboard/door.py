"""How the dashboard is opened: from the words of `engine monitor` to an app on a terminal.

Owns the choice of the source, the signals that end it, and the exit code. However it ends, but for SIGKILL, the terminal is
as it was.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Mapping
from functools import partial

from engine.dashboard.app import Dashboard
from engine.dashboard.live import LiveSource
from engine.dashboard.source import Source

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

    Raises RecordingDamaged, OSError.
    """
    source: Source = LiveSource(name, environ)
    if replay is not None:
        from engine.dashboard.replay import ReplaySource

        source = ReplaySource(replay)
    elif record is not None:
        from engine.dashboard.replay import TapedSource

        source = TapedSource(source, record)
    return asyncio.run(_show(source, interval_s, has_colour=has_colour))


async def _show(source: Source, interval_s: float, *, has_colour: bool) -> int:
    app = Dashboard(source, interval_s=interval_s, has_colour=has_colour)
    if hasattr(source, "told"):
        source.told = partial(app.notify, title="The recording has ended", severity="error", timeout=60, markup=False)
    loop = asyncio.get_running_loop()
    gc.freeze()  # what is loaded stays: a look for garbage that goes over all of it holds up a frame
    for number in ENDINGS:
        loop.add_signal_handler(number, app.exit, 128 + number)
    try:
        code = await app.run_async()
    finally:
        for number in ENDINGS:
            loop.remove_signal_handler(number)
        await source.close()
    return app.return_code or 0 if code is None else code
