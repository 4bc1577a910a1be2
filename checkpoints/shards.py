"""Which shard a key belongs to.

Owns the one hash that places an agent's state. It is stable across processes, machines and releases, so that a shard
written today is found tomorrow; Python's own `hash()` is salted for each process and is never used for it.
"""

from __future__ import annotations

from zlib import crc32

__all__ = ["SHARDS", "shard_of"]

#: Shards of a pool: enough to spread a pool over a machine's cores, few enough to open all of them at once.
SHARDS = 10


def shard_of(key: bytes, shards: int = SHARDS) -> int:
    """The shard of a key, 0 to shards - 1.

    key: the agent's whole address, such as b"counter/17".
    Source: CRC-32 (ISO 3309), the same polynomial as zlib's.
    """
    return crc32(key) % shards
