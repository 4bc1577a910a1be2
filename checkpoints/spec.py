"""The limits of what is kept, each with its unit and its reason."""

from __future__ import annotations

__all__ = ["BLOCK_ROWS", "FRAME_BYTES", "LZ4_FROM_BYTES", "RAW_BYTES", "SEGMENT_BYTES", "SESSION_BYTES", "WATERMARK_S"]

#: Stored bytes of one frame, at most: what a torn tail may be long, and what recovery holds in memory at once.
FRAME_BYTES = 32 * 1024 * 1024
#: Bytes of one frame before compression, at most: bounds what a false length can make a reader allocate.
RAW_BYTES = 64 * 1024 * 1024
#: Bytes from which compression is tried: below it the answer is seldom shorter.
LZ4_FROM_BYTES = 256
#: Bytes at which a segment is sealed and the next begun: small enough that few are kept, large enough that rolling is rare.
SEGMENT_BYTES = 2 * 1024 * 1024
#: Seconds without a commit after which the last one is confirmed as synced by a frame behind it.
WATERMARK_S = 1.0
#: Rows of one block of a snapshot: what is read to wake one agent.
BLOCK_ROWS = 1_000
#: Bytes of the name by which a sender tells its numbers from all others.
SESSION_BYTES = 8
