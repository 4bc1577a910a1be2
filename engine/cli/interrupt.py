"""Ctrl-C and SIGTERM while a run is under way.

Owns the rule: the first one asks for an end, some seconds later insists, the second one ends the process at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

__all__ = ["Interrupt"]

#: Takes away the line of a progress bar, and shows the cursor that it hides.
LEAVE = b"\r\x1b[K\x1b[?25h"


class Interrupt:
    """Watches for signals inside a running loop, until `forget`.

    ask: called at the first signal.  insist: called grace_s seconds after it.  `code` is the exit code of the signal that
    came, None while none did.
    """

    def __init__(self, ask: Callable[[], None], insist: Callable[[], object], grace_s: float) -> None:
        self.code: int | None = None
        self._ask = ask
        self._insist = insist
        self._grace_s = grace_s
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        if self.code is not None:
            if sys.stderr.isatty():
                os.write(2, LEAVE)  # past whatever stands before standard error: a bar would draw itself anew
            os._exit(128 + number)
        self.code = 128 + number
        self._ask()
        self._loop.call_later(self._grace_s, self._insist)

    def forget(self) -> None:
        """Leave signals to whoever had them."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)
