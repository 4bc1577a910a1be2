"""How Ctrl-C and SIGTERM end a command: as an exception, but never within an import.

Owns when the exception is raised. A compiled module that meets one while it initialises may crash, and a Python module stays
behind half made; so what comes during an import is raised some milliseconds after it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "endings", "endings_by_loop"]

#: Frames of the import system.
IMPORTING = "<frozen importlib"
#: Seconds until somebody who came during an import asks again.
AGAIN_S = 0.005


class Terminated(BaseException):
    """Somebody sent SIGTERM."""


@contextmanager
def endings(*, is_last: bool = False) -> Iterator[None]:
    """Raise KeyboardInterrupt for SIGINT and Terminated for SIGTERM within the block, outside of imports. Main thread only.

    is_last: the process ends behind the block. Its exit code is known then, and a Ctrl-C that comes late changes nothing.
    """
    waiting: list[type[BaseException]] = []

    def end(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGALRM:
            waiting.append(Terminated if number == signal.SIGTERM else KeyboardInterrupt)
        if not waiting:
            return
        if _is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
            return
        raised = waiting[0]
        waiting.clear()
        raise raised

    before = {number: signal.signal(number, end) for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if is_last:
            before[signal.SIGINT] = signal.SIG_IGN
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def endings_by_loop() -> Iterator[None]:
    """Leave SIGINT to asyncio, which cancels the main task and lets it clean up; only where nobody else has taken it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False
