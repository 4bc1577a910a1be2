"""How far a run is, while it runs.

Owns the bar on a terminal, and the plain line every few seconds where there is none. A run that is over at once shows neither.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from engine.cli import figures
from engine.cli.screen import screen_of

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

__all__ = ["Flowing", "Progress"]

#: Seconds between two changes of the bar, between two plain lines, and before the first of either.
BAR_S, LINE_S, FIRST_S = 0.1, 5.0, 0.3


class Flowing(Protocol):
    """Tasks on their way, as they are counted."""

    @property
    def sent(self) -> int:
        """Those that were sent."""

    @property
    def done(self) -> int:
        """Those that ended well."""

    @property
    def failed(self) -> int:
        """Those that did not."""

    @property
    def ended(self) -> int:
        """Both together."""

    @property
    def bad(self) -> int:
        """Lines that are no task."""

    @property
    def taken_bytes(self) -> int:
        """Bytes of the input that belong to what was sent."""


class Progress:
    """Shows a flow on standard error. size_bytes: of the input; None where it is not known.  word: what became of its tasks."""

    def __init__(
        self, flow: Flowing, size_bytes: int | None, environ: Mapping[str, str], *, no_colour: bool, word: str = "done"
    ) -> None:
        self._flow = flow
        self._size_bytes = size_bytes
        self._word = word
        self._screen = screen_of(sys.stderr, environ, no_colour=no_colour)
        self._began_s = time.monotonic()
        self._fraction = 0.0
        self._bar: Bar | None = None
        self._said_last = ""

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s

    async def show(self) -> None:
        """Show it until cancelled. A bar shares the terminal with nothing: where results go to one too, lines are shown."""
        is_barred = self._screen.is_moving and not sys.stdout.isatty()
        try:
            await asyncio.sleep(FIRST_S if is_barred else LINE_S)
            while True:
                if is_barred:
                    self._show_bar()
                elif not sys.stdout.isatty():
                    print(f"engine: {self._said()}", file=sys.stderr, flush=True)
                await asyncio.sleep(BAR_S if is_barred else LINE_S)
        finally:
            self.clear()

    def end_soon(self) -> None:
        """Say that the run is being ended, if somebody at a terminal waits for it."""
        self._said_last = "stopping; Ctrl-C again ends at once"
        if self._bar is None and self._screen.width is not None:
            print(f"engine: {self._said_last}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _said(self) -> str:
        if self._said_last:
            return self._said_last
        flow = self._flow
        parts = [f"{figures.count(flow.done)} {self._word}"]
        parts += [f"{figures.count(flow.failed)} failed"] if flow.failed else []
        parts += [f"{figures.count(flow.bad)} bad lines"] if flow.bad else []
        parts.append(figures.rate(flow.ended / self.seconds))
        fraction = self._done_fraction()
        if fraction:
            parts.append(f"{100 * fraction:.0f} %, {figures.span(self.seconds * (1 - fraction) / fraction)} left")
        return ", ".join(parts)

    def _done_fraction(self) -> float:
        """The part of the input whose tasks have ended; 0 where its size is not known. It never falls."""
        flow = self._flow
        if self._size_bytes and flow.sent:
            fraction = min(flow.taken_bytes / self._size_bytes, 1.0) * flow.ended / flow.sent
            self._fraction = max(self._fraction, fraction)
        return self._fraction

    def _show_bar(self) -> None:
        if self._bar is None:
            self._bar = _bar(self._screen.is_coloured)
            self._bar.start()
            self._bar.add_task("", total=1.0 if self._size_bytes else None)
        facts: dict[str, Any] = {"completed": self._done_fraction(), "description": self._said()}
        self._bar.update(self._bar.task_ids[0], **facts)
        self._bar.refresh()


def _bar(is_coloured: bool) -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(file=sys.stderr, no_color=not is_coloured, highlight=False)
    columns = (
        BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
        TextColumn("{task.description}", markup=False),
    )
    return Bar(*columns, console=console, auto_refresh=False, transient=True, expand=True)
