"""One table of counters in shared memory, a row for each worker.

Owns the memory and the meaning of its cells. A worker stores into its row without asking anybody; the supervisor, the
balancer and every screen read it without sending a message. Each cell has one writer. The memory is a memfd whose pages
are allocated before use, so that a full machine is an error here and not a signal later.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "ASLEEP",
    "AWAITING",
    "BUSY_NS",
    "BUSY_SINCE_NS",
    "BYTES_IN",
    "BYTES_OUT",
    "CELLS",
    "DONE",
    "FAILED",
    "HISTOGRAM",
    "HUNG",
    "LIVE",
    "POSITION",
    "PROGRESS",
    "QUEUED",
    "REFUSAL",
    "RESTARTED",
    "SECTION",
    "SPENT_US",
    "TELLS",
    "TICKS",
    "WAITING",
    "WAKES",
    "WHO",
    "Gauges",
    "bucket_of",
    "bucket_top_us",
    "key_half",
    "percentile_us",
    "pulse_of",
    "who_is",
]

#: Turns of the worker's run loop.
TICKS = 0
#: Monotonic nanoseconds since when the worker has been running tasks without a pause; 0 while it waits.
BUSY_SINCE_NS = 1
#: The section that runs now, by the number that its sender gave it.
SECTION = 2
#: The position in that section of the task that runs now.
POSITION = 3
#: Tasks that ended well, and tasks that failed.
DONE = 4
FAILED = 5
#: Agents that are objects now, and agents whose state is kept without an object.
LIVE = 6
ASLEEP = 7
#: Tasks in mailboxes behind a task that waits.
WAITING = 8
#: Messages that agents sent to agents.
TELLS = 9
#: Agents that were made or woken.
WAKES = 10
#: Nanoseconds spent running tasks.
BUSY_NS = 11
#: Bytes of frames received and sent.
BYTES_IN = 12
BYTES_OUT = 13
#: The pulse of a task that is to be interrupted, written by the supervisor.
HUNG = 14
#: Why a worker takes no changes, and where what counts ends in its log (`refusal`).
REFUSAL = 15
#: Whose task runs now, as `who_is` says it, where the task came from this worker itself: its section has the number 0.
WHO = 16
#: Tasks that failed by their agent's own doing, after which it was as before.
RESTARTED = 17
#: How far the task of a process of its own says that it is, in a row that only its worker reads: millionths, and one; 0
#: where it says nothing.
PROGRESS = 18
#: Agents with a task that has begun and not ended, as it waits or runs elsewhere; and, as sampled last, other agents with a
#: task in the worker's queue, less those whose task has begun to wait since.
AWAITING = 19
QUEUED = 20
#: Microseconds that all answers took together, counted by the engine.
SPENT_US = 23
#: First cell of the histogram of answer times, counted by the engine: four buckets an octave of microseconds.
HISTOGRAM = 24
#: Cells of a row: the counters, then 112 buckets, which reach 2**29 microseconds (about nine minutes).
CELLS = 136
_BUCKETS = CELLS - HISTOGRAM
_ROW_BYTES = CELLS * 8
_PULSE = struct.Struct("6Q")
#: Set in the lower half of what stands for an agent with a name, or with a number from there on.
_NAMED = 1 << 31


def bucket_of(elapsed_us: int) -> int:
    """The histogram's bucket for a time in whole microseconds."""
    if elapsed_us < 4:
        return max(elapsed_us, 0)
    octave = elapsed_us.bit_length() - 3
    return min((octave << 2) + (elapsed_us >> octave), _BUCKETS - 1)


def bucket_top_us(bucket: int) -> int:
    """The longest time, in microseconds, that falls into a bucket (the last one takes all above)."""
    if bucket < 8:
        return bucket
    octave = (bucket >> 2) - 1
    return (((bucket & 3) + 5) << octave) - 1


def percentile_us(counts: list[int], share: float) -> int | None:
    """The time in microseconds within which a share (0 to 1) of the counted answers came; None when none was counted."""
    total = sum(counts)
    if not total:
        return None
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= share * total:
            return bucket_top_us(bucket)
    return bucket_top_us(_BUCKETS - 1)


def who_is(kind: str, key: int | str | None) -> int:
    """An agent as a number of 64 bits, from which the same agent can be found again."""
    return zlib.crc32(kind.encode()) << 32 | key_half(key)


def key_half(key: int | str | None) -> int:
    """The lower half of what stands for an agent; the upper one is the same for all of a kind."""
    return key if type(key) is int and key < _NAMED else zlib.crc32(str(key).encode()) | _NAMED


def pulse_of(cells: memoryview) -> int:
    """A number that changes whenever a worker begins another task: 32 bits, never 0."""
    seen = (cells[BUSY_SINCE_NS], cells[SECTION], cells[POSITION], cells[TICKS], cells[DONE], cells[FAILED])
    return zlib.crc32(_PULSE.pack(*seen)) or 1


class Gauges:
    """The table. rows: how many workers it has room for."""

    def __init__(self, rows: int, descriptor: int | None = None) -> None:
        self.rows = rows
        self.is_owner = descriptor is None
        self.descriptor = os.memfd_create("engine-gauges", os.MFD_CLOEXEC) if descriptor is None else descriptor
        size_bytes = max(rows * _ROW_BYTES, mmap.PAGESIZE)
        if self.is_owner:
            os.posix_fallocate(self.descriptor, 0, size_bytes)
        self._memory = mmap.mmap(self.descriptor, size_bytes)
        self._view = memoryview(self._memory)
        self._cells = self._view.cast("Q")

    def row(self, number: int) -> memoryview:
        """The cells of one worker, as unsigned 64-bit numbers."""
        return self._cells[number * CELLS : (number + 1) * CELLS]

    def table(self) -> npt.NDArray[np.uint64]:
        """A copy of all rows. Shape (rows, CELLS)."""
        import numpy as np

        cells = np.frombuffer(self._view, dtype=np.uint64, count=self.rows * CELLS)
        return cells.reshape(self.rows, CELLS).copy()

    def close(self) -> None:
        """Give the descriptor back; the memory goes with the last row that is still held."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
