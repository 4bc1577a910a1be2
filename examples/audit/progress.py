"""How an audit shows how far it is: a bar on a terminal, a line now and then elsewhere, nothing when told so.

Owns the showing. `job` calls it; it never asks anything back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from examples.audit.job import Watch

__all__ = ["Lines", "Silence", "Watch", "shown"]

#: Seconds between two plain lines: a log stays short, and nobody takes the work for dead.
PAUSE_S = 5.0


class Silence:
    """Shows nothing."""

    def begin(self, words: str, total: int) -> None:
        """Say nothing."""

    def advance(self, steps: int) -> None:
        """Say nothing."""


class Lines:
    """Shows plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock_s = clock_s
        self._words, self._total, self._done = "", 0, 0
        self._said_s = 0.0

    def begin(self, words: str, total: int) -> None:
        """Name the part that begins."""
        self._words, self._total, self._done = words, total, 0
        self._say()

    def advance(self, steps: int) -> None:
        """Count on; say so at the end and every few seconds."""
        self._done += steps
        if self._done == self._total or self._clock_s() - self._said_s >= PAUSE_S:
            self._say()

    def _say(self) -> None:
        self._said_s = self._clock_s()
        print(f"{self._words}: {self._done:,} of {self._total:,}", file=self._stream, flush=True)


class Bar:
    """Shows one bar for each part of the work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, words: str, total: int) -> None:
        """Add the bar of the part that begins."""
        self._task = self._progress.add_task(words, total=total)

    def advance(self, steps: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.advance(self._task, steps)


@contextmanager
def shown(*, is_quiet: bool, stream: TextIO = sys.stderr) -> Iterator[Watch]:
    """What fits the place where a person looks, or does not."""
    if is_quiet:
        yield Silence()
    elif stream.isatty():
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(file=stream)) as progress:
            yield Bar(progress)
    else:
        yield Lines(stream)
