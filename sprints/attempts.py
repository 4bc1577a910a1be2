"""Work that may fail, done again.

Owns the counter of attempts, which belongs to the call and to nobody else: two calls at once, on one node or on many, count
each their own. What the work is, and what replaces it in the end, is handed in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

__all__ = ["attempt_now", "tried", "tried_async"]

#: The attempt that the code around is part of, from 0. Each task of the loop and each thread has its own.
_ATTEMPT: ContextVar[int] = ContextVar("attempt", default=0)


def attempt_now() -> int:
    """The number of the attempt in which this is asked, from 0."""
    return _ATTEMPT.get()


def tried(
    work: Callable[[Any], Any],
    fallback: Callable[[Any, Exception], Any],
    argument: Any,
    *,
    most: int,
    wait_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """What work returns for an argument, at most `most` times tried, wait_s seconds apart; at last what fallback returns.

    Raises whatever fallback raises.
    """
    before = _ATTEMPT.set(0)
    try:
        for attempt in range(most):
            _ATTEMPT.set(attempt)
            try:
                return work(argument)
            except Exception as error:  # noqa: BLE001 - what a step raises is the step's to choose
                if attempt == most - 1:
                    return fallback(argument, error)
                if wait_s > 0:
                    sleep(wait_s)
    finally:
        _ATTEMPT.reset(before)
    return None


async def tried_async(
    work: Callable[[Any], Awaitable[Any]],
    fallback: Callable[[Any, Exception], Awaitable[Any]],
    argument: Any,
    *,
    most: int,
    wait_s: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Any:
    """The same for work that waits."""
    before = _ATTEMPT.set(0)
    try:
        for attempt in range(most):
            _ATTEMPT.set(attempt)
            try:
                return await work(argument)
            except Exception as error:  # noqa: BLE001 - what a step raises is the step's to choose
                if attempt == most - 1:
                    return await fallback(argument, error)
                if wait_s > 0:
                    await sleep(wait_s)
    finally:
        _ATTEMPT.reset(before)
    return None
