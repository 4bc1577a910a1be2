"""Why a worker takes no changes, and until when.

Owns the two states of a store that cannot be written. It is *full*: what could not be kept was taken back, and the disk is
looked at until it has room. Or it has *stopped*: a sync or a write failed, what the disk holds is not known, and it stays as it
is until the engine is started anew. The state is in the worker's row of gauges, since the process that found out ends with all
that it did and could not keep; the next one begins from what is kept. Tasks that change nothing are answered in both.
"""

from __future__ import annotations

import os
from typing import Any, NoReturn

from checkpoints.errors import CheckpointError, DiskFull, StoreFailed
from pools.errors import PoolError, StoreFull, StoreStopped
from pools.gauges import BUSY_SINCE_NS, REFUSAL

__all__ = [
    "BEGINS_ANEW", "FULL", "STOPPED", "WHY", "WORDS", "Unwritable",
    "end_anew", "refusal_of", "state_in", "state_of", "until_of",
]  # fmt: skip

#: What the gauge holds: changes are taken, the disk is full, the store has stopped.
TAKEN, FULL, STOPPED = range(3)
WORDS = ("taken", "full", "stopped")
WHY = ("", "the disk is full: changes are refused", "the disk has failed: no changes until the engine is started anew")
#: How a process ends that could not keep what it did (EX_TEMPFAIL of sysexits.h).
BEGINS_ANEW = 75
#: Bits of the state in its gauge, and of a place in a segment behind it; the segment's number is before them.
_STATE_BITS, _AT_BITS = 2, 32


class Unwritable(dict[Any, Any]):
    """Stands for the changes of tasks that may change nothing: the first one raises why."""

    def __init__(self, reason: PoolError) -> None:
        super().__init__()
        self._reason = reason

    def __setitem__(self, _key: Any, _value: Any) -> NoReturn:
        raise self._reason.with_traceback(None)


def refusal_of(state: int, reason: str) -> PoolError | None:
    """The error of a task that would change something."""
    if state == FULL:
        return StoreFull(f"the disk is full, so nothing can be changed: {reason}")
    if state == STOPPED:
        return StoreStopped(f"the store takes no changes until the engine is started anew: {reason}")
    return None


def state_of(refused: PoolError | None) -> int:
    """What the gauge holds for it."""
    return TAKEN if refused is None else FULL if isinstance(refused, StoreFull) else STOPPED


def state_in(cells: memoryview) -> int:
    """The state that a worker's gauges tell."""
    return int(cells[REFUSAL]) & ((1 << _STATE_BITS) - 1)


def until_of(cells: memoryview) -> tuple[int, int] | None:
    """Where what counts ends in the log of a store that stopped; None where that is not known."""
    kept = int(cells[REFUSAL]) >> _STATE_BITS
    return (kept >> _AT_BITS, kept & ((1 << _AT_BITS) - 1)) if kept else None


def end_anew(cells: memoryview, error: BaseException, kept: tuple[int, int]) -> NoReturn:
    """End a process that could not keep what it did; no task is charged with that. The next one finds why.

    kept: where what counts ends in its log, the segment and the byte.
    """
    if not isinstance(error, CheckpointError):
        os._exit(1)
    if isinstance(error, DiskFull):
        cells[REFUSAL] = FULL
    elif isinstance(error, StoreFailed):
        segment, at = kept
        cells[REFUSAL] = (segment << _AT_BITS | at) << _STATE_BITS | STOPPED
    cells[BUSY_SINCE_NS] = 0
    os._exit(BEGINS_ANEW)
