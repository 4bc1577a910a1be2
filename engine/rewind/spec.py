"""The limits of what is recorded, each with its unit and its reason."""

from __future__ import annotations

__all__ = [
    "ANSWERS_BURST",
    "ANSWERS_PER_S",
    "DOCUMENT_BYTES",
    "EVERY_S",
    "FILE_BYTES",
    "GAP_MS",
    "KEPT_S",
    "PAGE",
    "PENDING",
    "RANGES",
    "RETRY_S",
    "RING_BYTES",
    "WHOLE_FRAMES",
    "WHOLE_MS",
]

#: Seconds between two recordings.
EVERY_S = 1.0
#: Answers that are recorded beside that a second, and how many at once: who asks without pause must not fill the ring.
ANSWERS_PER_S, ANSWERS_BURST = 10.0, 20
#: Bytes of all files of a ring, at most: the last hours of an engine with a few workers, and nothing that a disk feels.
RING_BYTES = 64 * 1024 * 1024
#: Seconds for which anything is kept.
KEPT_S = 24 * 3_600.0
#: Bytes at which the next file is begun: what the ring forgets at once, and what one look reads.
FILE_BYTES = 2 * 1024 * 1024
#: Bytes of one document before compression, at most: bounds what a false length can make a reader allocate.
DOCUMENT_BYTES = 16 * 1024 * 1024
#: Frames and milliseconds after which a whole document is written: what is read and worked out for one look.
WHOLE_FRAMES, WHOLE_MS = 60, 60_000
#: Milliseconds between two recordings from which on there is a gap: some were missed, and what was meanwhile is not known.
GAP_MS = 5_000
#: Recordings that may wait for the disk; past it none is taken until it has gone on.
PENDING = 10
#: Seconds between two tries to write again after a write has failed.
RETRY_S = 10.0
#: Instants on one page at most.
PAGE = 10_000
#: Ranges that are told of at most, the newest.
RANGES = 1_000
