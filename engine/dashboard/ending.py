"""How the dashboard is ended from outside: by a signal, or because its terminal is no more.

Owns that it ends then, whatever else: a terminal that takes nothing any more, at the other end of a connection that stands
still, holds up the loop that draws, and with it everything that the loop should do. Nothing is drawn here.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

__all__ = ["ENDINGS", "Ending"]

#: Signals that end it, each with 128 and its number as the exit code.
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Seconds that it has to take its leave; then the process ends, with the modes of its terminal as they were.
PARTING_S = 3.0
#: Seconds between two looks whether there is still a terminal: one that goes need not send a signal.
LOOK_S = 1.0


class Ending:
    """For as long as it is entered, by the main thread. end: has it end with an exit code; called in any thread."""

    def __init__(self, end: Callable[[int], object]) -> None:
        self._end = end
        self._over = threading.Event()
        self._has_begun = False
        self._before: dict[int, Any] = {}
        #: The terminal; in a browser's service what its keys come through.
        self._input = None if sys.__stdin__ is None else sys.__stdin__.fileno()
        self._modes = termios.tcgetattr(self._input) if self._input is not None and os.isatty(self._input) else None

    def __enter__(self) -> Self:
        for number in ENDINGS:
            self._before[number] = signal.signal(number, self._on_signal)
        if self._input is not None:
            threading.Thread(target=self._watch, name="terminal-watch", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._begin(128 + number)

    def _watch(self) -> None:
        pipe = select.poll()
        pipe.register(self._input or 0, 0)  # a hang-up is told unasked
        while not self._over.wait(LOOK_S):
            if pipe.poll(0) if self._modes is None else not os.isatty(self._input or 0):
                self._begin(128 + signal.SIGHUP)
                return

    def _begin(self, code: int) -> None:
        """Have it end, and see to it."""
        if not self._has_begun:
            self._has_begun = True
            threading.Thread(target=self._see_to_it, args=(code,), name="ending", daemon=True).start()
        self._end(code)

    def _see_to_it(self, code: int) -> None:
        if not self._over.wait(PARTING_S):
            if self._modes is not None:
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(self._input or 0, termios.TCSANOW, self._modes)
            os._exit(code)
