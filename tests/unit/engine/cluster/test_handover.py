"""Agents that travel come out as they went in, however many parts they are, and nothing else comes out."""

from __future__ import annotations

import zlib
from base64 import b85encode
from dataclasses import replace
from random import Random

import pytest

from engine.cluster.handover import PACKED_BYTES, Parts, handovers, some
from engine.cluster.records import RECORD_BYTES, BadRecord, Handover, decode, encode


def agents(count: int, size: int, chance: Random) -> list[dict[str, object]]:
    return [{"key": key, "state": {"text": chance.randbytes(size // 2).hex()}} for key in range(count)]


@pytest.mark.parametrize(("count", "size"), [(0, 0), (1, 10), (300, 100), (4, 1_500_000)])
def test_they_come_out_as_they_went_in(count: int, size: int, chance: Random) -> None:
    sent = agents(count, size, chance)
    made = handovers(3, "n1", "a", "counter", sent)
    assert (len(made) > 1) == (size > 1_000_000)
    parts = Parts()
    for part in made:
        data = encode(part)
        assert len(data) < RECORD_BYTES
        came = parts.put(decode(data, Handover))
        assert (came is None) == (part is not made[-1])
    assert came == sent


def test_parts_of_two_nodes_do_not_mix_and_one_that_is_missing_is_found(chance: Random) -> None:
    one, two = (handovers(3, node, "a", "counter", agents(2, 1_000_000, chance)) for node in ("n1", "n2"))
    assert len(one) > 2
    parts = Parts()
    for left, right in zip(one[:-1], two[:-1], strict=True):
        assert parts.put(left) is parts.put(right) is None
    assert parts.put(one[-1]) is not None
    with pytest.raises(BadRecord, match="came after"):
        parts.put(one[-1])
    assert parts.put(two[-1]) is not None
    assert parts.put(one[0]) is None
    again = [replace(part, id="b") for part in one]
    with pytest.raises(BadRecord, match="came after 0"):
        parts.put(again[1])
    assert [parts.put(part) is None for part in again] == [True] * (len(again) - 1) + [False]


def packed(text: bytes) -> Handover:
    return Handover(1, "n1", "a", "counter", 0, 1, b85encode(text).decode())


@pytest.mark.parametrize(
    "part",
    [
        Handover(1, "n1", "a", "counter", 0, 1, "\x7f"),
        packed(b"not compressed"),
        packed(zlib.compress(b"no json")),
        packed(zlib.compress(b"{}")),
        packed(zlib.compress(b"[1]")),
        packed(zlib.compress(b'[{"key": null}]')),
        packed(zlib.compress(b"[]")[:-3]),
        packed(zlib.compress(b" " * (PACKED_BYTES + 1))),
        Handover(1, "n1", "a", "counter", 0, 10**9, ""),
        Handover(1, "n1", "a", "counter", 1, 1, ""),
    ],
)
def test_what_are_no_agents_is_refused(part: Handover) -> None:
    with pytest.raises(BadRecord):
        parts = Parts()
        parts.put(part)
        parts.put(part)


def test_a_handover_has_some_of_many_and_one_at_least(chance: Random) -> None:
    assert len(some(agents(10, 100, chance))) == 10
    assert 1 < len(some(agents(30, 150_000, chance))) < 30
    assert len(some(agents(3, 5_000_000, chance))) == 1
    assert some([]) == []
