"""How far a long job is, on standard error, for whoever waits for it.

Owns when something is shown and where: a line that is written over on a terminal that can do that, else a line now and then;
nothing of what is over in a second, nor where nobody asked for words. The job says how far it is, as often as it likes.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from engine.cli import figures
from engine.cli.screen import cells, clean, screen_of

__all__ = ["Meter"]

#: Seconds before the first word; between two on a terminal that can be written over, and elsewhere.
FIRST_S, MOVING_S, LINE_S = 1.0, 0.1, 5.0
#: Takes a line away; a bar's characters, and how many of them.
REST, FULL, EMPTY, WIDTH = "\r\x1b[K", "━", "─", 20


class Meter:
    """Counts a job's parts, of which there are `total` in all. what: the job, in a word or two.  rate: how a speed is said.

    The block ends with the line taken away.
    """

    def __init__(
        self,
        options: Namespace,
        what: str,
        rate: Callable[[float], str] = figures.rate,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._rate = rate
        self._clock = clock
        self._screen = screen_of(sys.stderr, environ, no_colour=options.no_color)
        self._is_quiet = options.quiet or options.json
        self._began_s = clock()
        self._shown_s = self._began_s + FIRST_S - (MOVING_S if self._screen.is_moving else LINE_S)
        self._has_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.clear()

    def told(self, done: float, total: float | None, more: str = "") -> None:
        """The job says how far it is. total: None where that is not known.  more: what else there is to say."""
        if self._is_quiet:
            return
        now_s = self._clock()
        if now_s - self._shown_s < (MOVING_S if self._screen.is_moving else LINE_S):
            return
        self._shown_s = now_s
        said = self._said(done, total, now_s - self._began_s) + (f", {more}" if more else "")
        if not self._screen.is_moving:
            print(f"engine: {said}", file=sys.stderr, flush=True)
            return
        bar = self._bar(done / total) if total else ""
        line = clean(f"{bar}{said}")
        while cells(line) >= (self._screen.width or 80):
            line = line[:-1]
        sys.stderr.write(f"{REST}{self._screen.paint(line[: len(bar)], 'cyan')}{line[len(bar) :]}")
        sys.stderr.flush()
        self._has_line = True

    def clear(self) -> None:
        """Take the line away."""
        if self._has_line:
            sys.stderr.write(REST)
            sys.stderr.flush()
            self._has_line = False

    def _said(self, done: float, total: float | None, seconds: float) -> str:
        parts = [self._what]
        if total:
            parts[0] += f" {100 * min(done / total, 1):.0f} %"
        if done and seconds:
            parts.append(self._rate(done / seconds))
            if total and done < total:
                parts.append(f"{figures.span(seconds * (total - done) / done)} left")
        return ", ".join(parts)

    @staticmethod
    def _bar(share: float) -> str:
        full = int(WIDTH * min(max(share, 0), 1))
        return FULL * full + EMPTY * (WIDTH - full) + " "
