"""When a task that failed is tried again.

Owns which failures are worth it, and how long is waited: the first time about backoff_s, each time twice as long up to
BACKOFF_MOST_S, by chance down to the half of it, so that tasks that failed together do not come back together. Pure.
"""

from __future__ import annotations

from random import Random

from engine.options import Options
from pools.errors import (
    AgentQuarantined,
    BadAddress,
    BadArgument,
    BadReply,
    DependencyFailed,
    Failure,
    FrameTooLarge,
    StateUnreadable,
    StepMismatch,
    StoreStopped,
    TaskCancelled,
    TaskKilled,
    TooOld,
    UnknownAgent,
    UnknownKind,
    UnknownMethod,
)

__all__ = ["BACKOFF_MOST_S", "backoff_s", "retry_s"]

#: Seconds between two attempts at most, unless a task asks for more before its first one.
BACKOFF_MOST_S = 60.0
#: Failures that another attempt would meet as well.
LASTING = frozenset(
    error.__name__
    for error in (
        AgentQuarantined, BadAddress, BadArgument, BadReply, DependencyFailed, FrameTooLarge, StateUnreadable, StepMismatch,
        StoreStopped, TaskCancelled, TaskKilled, TooOld, UnknownAgent, UnknownKind, UnknownMethod,
    )
)  # fmt: skip


def retry_s(options: Options, retried: int, failure: Failure, chance: Random) -> float | None:
    """Seconds until a task that failed so is tried again; None where it is not. retried: how often it was already."""
    if retried >= options.retries:
        return None
    if options.retry_on:
        if failure.type not in options.retry_on:
            return None
    elif failure.type in LASTING:
        return None
    wait_s = backoff_s(options.backoff_s, retried, chance)
    return wait_s if failure.retry_after_s is None else max(wait_s, failure.retry_after_s)


def backoff_s(first_s: float, times: int, chance: Random, most_s: float = BACKOFF_MOST_S) -> float:
    """Seconds before an attempt after so many before it."""
    return min(first_s * 2.0 ** min(times, 40), max(first_s, most_s)) * chance.uniform(0.5, 1.0)
