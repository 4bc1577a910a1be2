"""The hash that places an agent's state stays what it is."""

from __future__ import annotations

from collections import Counter

import pytest

from checkpoints.shards import SHARDS, shard_of


@pytest.mark.parametrize(("key", "shard"), [(b"123456789", 0xCBF43926 % 10), (b"", 0), (b"counter/17", 0x281F4DA1 % 10)])
def test_known_keys_stay_in_their_shards(key: bytes, shard: int) -> None:
    """The first value is the published check value of CRC-32; the last was computed once by another implementation."""
    assert shard_of(key) == shard


def test_a_pool_has_ten_shards_unless_it_is_told_otherwise() -> None:
    assert SHARDS == 10
    assert shard_of(b"counter/17", 1) == 0


def test_five_thousand_agents_spread_evenly() -> None:
    sizes = Counter(shard_of(f"counter/{number}".encode()) for number in range(5_000))
    assert set(sizes) == set(range(SHARDS))
    assert max(sizes.values()) < 1.2 * 5_000 / SHARDS
