"""How the dashboard is opened: from the words of `engine monitor` to an app on a terminal.

Owns the choice of the source and the exit code. However it ends, but for SIGKILL, the terminal is as it was.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from textual.drivers.linux_driver import LinuxDriver

from engine.dashboard.app import Dashboard
from engine.dashboard.ending import Ending
from engine.dashboard.live import LiveSource
from engine.dashboard.source import Source

__all__ = ["watch"]

#: The exit code where a recording has ended before its time: the work failed.
FAILED = 1


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
    return asyncio.run(
        _show(Dashboard(source, interval_s=interval_s, has_colour=has_colour, driver=_driver(), opened=gc.freeze))
    )


def _taped(source: Source, path: str, interval_s: float, *, has_colour: bool) -> int:
    """Show it, and record what is shown: one that could not go on is told of at the end, too."""
    from engine.dashboard.replay import TapedSource

    taped = TapedSource(source, path)
    app = Dashboard(
        taped, interval_s=interval_s, has_colour=has_colour, note=lambda: taped.note, driver=_driver(), opened=gc.freeze
    )
    taped.told = partial(app.notify, title="The recording has ended", severity="error", timeout=60, markup=False)
    code = asyncio.run(_show(app))
    if taped.why:
        print(f"engine: {taped.why}", file=sys.stderr)
    return code or (FAILED if taped.why else 0)


class _OnOutput(LinuxDriver):
    """A terminal that is drawn on by standard output."""

    def __init__(self, *given: Any, **facts: Any) -> None:
        super().__init__(*given, **facts)
        self._file = sys.__stdout__


def _driver() -> type[LinuxDriver] | None:
    """What draws: Textual does on standard error, which may be somebody's file."""
    is_elsewhere = sys.__stderr__ is None or not sys.__stderr__.isatty()
    return _OnOutput if is_elsewhere and sys.__stdout__ is not None and sys.__stdout__.isatty() else None


async def _show(app: Dashboard) -> int:
    loop = asyncio.get_running_loop()
    gc.freeze()  # what is loaded stays, as do screens: a look for garbage that goes over all of it holds up a frame
    with Ending(partial(loop.call_soon_threadsafe, app.exit)):
        try:
            code = await app.run_async()
        finally:
            await app.source.close()
    return app.return_code or 0 if code is None else code
