"""The limits of what is kept, each with its unit and its reason."""

from __future__ import annotations

__all__ = [
    "ANSWERS_BYTES",
    "ANSWERS_KEPT",
    "ANSWERS_KEPT_S",
    "ANSWERS_SPARED_S",
    "BLOCK_ROWS",
    "FRAME_BYTES",
    "LZ4_FROM_BYTES",
    "MILESTONES_KEPT",
    "PLACE_BITS",
    "RAW_BYTES",
    "SEGMENT_BYTES",
    "SESSION_BYTES",
    "WATERMARK_S",
]

#: Stored bytes of one frame, at most: what a torn tail may be long, and what recovery holds in memory at once.
FRAME_BYTES = 32 * 1024 * 1024
#: Bytes of one frame before compression, at most: bounds what a false length can make a reader allocate.
RAW_BYTES = 64 * 1024 * 1024
#: Bytes from which compression is tried: below it the answer is seldom shorter.
LZ4_FROM_BYTES = 256
#: Milestones of one agent that are kept: the way of one long task, and all of them are in memory.
MILESTONES_KEPT = 16
#: Bytes at which a segment is sealed and the next begun: small enough that few are kept, large enough that rolling is rare.
SEGMENT_BYTES = 2 * 1024 * 1024
#: Seconds without a commit after which the last one is confirmed as synced by a frame behind it.
WATERMARK_S = 1.0
#: Rows of one block of a snapshot: what is read to wake one agent.
BLOCK_ROWS = 1_000
#: Bytes of the name by which a sender tells its numbers from all others.
SESSION_BYTES = 8
#: Bits of a place in a section, where a task is numbered by both: a section has up to 1,024 tasks.
PLACE_BITS = 10
#: Answers and marks of a pool, at most, that are kept for those who may ask again: 1,000,000 are some 100 MB.
ANSWERS_KEPT = 1_000_000
#: Bytes of the answers of a pool, at most, and the seconds for which an answer is kept however large it is, so that nobody who
#: comes back soon finds it gone: clients that left without a word must not fill the memory.
ANSWERS_BYTES, ANSWERS_SPARED_S = 128 * 1024 * 1024, 300.0
#: Seconds since a number was given for which its answer is kept: whoever was away for a day does not come back.
ANSWERS_KEPT_S = 86_400.0
