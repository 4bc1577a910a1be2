"""Threads that an agent starts speak for it, as do those of a pool that it gives something to do.

Owns the look at who that is, which is taken when a thread is started or something is handed to a pool, in a worker only: a
thread knows nothing of the one that it was started by.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Thread, local
from typing import Any

from pools.speech import NOBODY, Speaker

__all__ = ["hear_threads", "speaker_here"]


class _Here(local):
    """What is known of one thread. speaker: whom it speaks for.  is_handing: it hands something to a pool of threads."""

    speaker: Speaker = NOBODY
    is_handing: bool = False


_HERE = _Here()
_start, _submit = Thread.start, ThreadPoolExecutor.submit


def speaker_here() -> Speaker:
    """Whom this thread speaks for."""
    return _HERE.speaker


def _speaking(speaker: Speaker, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    before, _HERE.speaker = _HERE.speaker, speaker
    try:
        return function(*arguments, **named)
    finally:
        _HERE.speaker = before


def hear_threads(whose: Callable[[], Speaker]) -> None:
    """Have threads that are started from now on speak for who starts them. whose: tells who that is."""

    def start(thread: Thread) -> None:
        speaker = NOBODY if _HERE.is_handing else whose()  # a pool's thread outlives the first who has use for it
        if speaker.agent:
            thread.run = partial(_speaking, speaker, thread.run)  # type: ignore[method-assign]
        _start(thread)

    def submit(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        speaker = whose()
        _HERE.is_handing = True
        try:
            if speaker.agent:
                return _submit(pool, _speaking, speaker, function, *arguments, **named)
            return _submit(pool, function, *arguments, **named)
        finally:
            _HERE.is_handing = False

    Thread.start = start  # type: ignore[assignment, method-assign]
    ThreadPoolExecutor.submit = submit  # type: ignore[assignment, method-assign]
