"""A segment's frames are read in their order and in their place only."""

from __future__ import annotations

import struct
from random import Random
from zlib import crc32

import pytest

from checkpoints.errors import Corrupt, NewerFormat
from checkpoints.frame import COMMIT, Part, encode
from checkpoints.segment import (
    LOG,
    NO_DIGEST,
    SEGMENT_HEADER_BYTES,
    SNAPSHOT,
    VERSION,
    Bad,
    Header,
    frame_after,
    name_of,
    number_of,
    pack_header,
    read_header,
    walk,
)

HEADER = Header(segment=3, epoch=2, store=bytes(range(16)), first=10, before=b"12345678", before_bytes=400)


def frames(count: int, header: Header = HEADER) -> list[bytes]:
    """Frames of two records each, each behind the one before."""
    made, before, first = [], header.before, header.first
    for number in range(count):
        data, before = encode(
            COMMIT, [Part(b"S", b"state %d" % number)], segment=header.segment, epoch=header.epoch, first=first, count=2,
            durable=first - 1, before=before,
        )  # fmt: skip
        made.append(data)
        first += 2
    return made


def walked(*pieces: bytes) -> tuple[int, Bad | None]:
    """How many frames are read of a segment, and the bad place."""
    found = list(walk(pack_header(HEADER) + b"".join(pieces), HEADER))
    bad = found[-1] if found and isinstance(found[-1], Bad) else None
    assert not any(isinstance(one, Bad) for one in found[:-1])
    return len(found) - (bad is not None), bad


def test_a_header_is_read_back() -> None:
    data = pack_header(HEADER)
    assert len(data) == SEGMENT_HEADER_BYTES
    assert read_header(data + b"behind", "x.log") == HEADER


def test_every_flipped_bit_of_a_header_is_found() -> None:
    data = pack_header(HEADER)
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt) as caught:
            read_header(bytes(changed), "x.log")
        assert (caught.value.file, caught.value.offset) == ("x.log", 0)


@pytest.mark.parametrize("size", range(SEGMENT_HEADER_BYTES))
def test_a_header_that_is_cut_is_refused(size: int) -> None:
    with pytest.raises(Corrupt):
        read_header(pack_header(HEADER)[:size], "x.log")


def test_a_newer_version_is_refused_by_its_number() -> None:
    data = bytearray(pack_header(HEADER))
    data[8:10] = struct.pack("<H", VERSION + 1)
    data[-8:-4] = struct.pack("<I", crc32(data[:-8]))
    with pytest.raises(NewerFormat) as caught:
        read_header(bytes(data), "x.log")
    assert (caught.value.file, caught.value.version) == ("x.log", VERSION + 1)


def test_a_file_for_something_else_is_refused() -> None:
    with pytest.raises(Corrupt, match="another kind"):
        read_header(pack_header(HEADER._replace(purpose=SNAPSHOT)), "x.log", LOG)


def test_names_and_numbers_belong_together() -> None:
    assert [number_of(name_of(number)) for number in (1, 17, 99_999_999)] == [1, 17, 99_999_999]
    for name in (
        "MANIFEST",
        "1.log",
        "00000001.log.new",
        "00000001.log.80.broken",
        "0000000a.log",
        "00000001.snap",
        "\u0660000000\u0661.log",
    ):
        assert number_of(name) is None


def test_frames_are_read_in_order() -> None:
    assert walked(*frames(4)) == (4, None)


@pytest.mark.parametrize(
    ("order", "good"),
    [([0, 0, 1], 1), ([0, 1, 1], 2), ([1, 0], 0), ([0, 2], 1), ([1], 0), ([0, 1, 3, 2], 2), ([0, 1, 2, 0], 3)],
)
def test_a_frame_in_another_place_is_no_tear(order: list[int], good: int) -> None:
    made = frames(4)
    count, bad = walked(*(made[at] for at in order))
    assert bad is not None
    assert (count, bad.is_torn) == (good, False)
    assert bad.at == SEGMENT_HEADER_BYTES + sum(len(made[at]) for at in order[:good])


@pytest.mark.parametrize("change", [{"segment": 4}, {"epoch": 1}, {"epoch": 3}, {"before": b"87654321"}, {"first": 11}])
def test_a_frame_of_another_segment_epoch_or_chain_is_refused(change: dict[str, int]) -> None:
    count, bad = walked(*frames(1, HEADER._replace(**change)))
    assert count == 0
    assert bad is not None
    assert not bad.is_torn


def test_a_frame_behind_a_bad_place_is_found() -> None:
    one, two, three = frames(3)
    data = pack_header(HEADER) + one
    at = len(data)
    assert frame_after(data + bytes(len(two)) + three, at, HEADER, 12) == at + len(two)
    assert frame_after(data + two[:-8], at, HEADER, 12) is None
    assert frame_after(data + bytes(100), at, HEADER, 12) is None


def test_a_frame_behind_that_was_never_known_to_be_synced_tells_nothing() -> None:
    """With `os`, the kernel may have written a later frame before an earlier one."""
    data, _ = encode(COMMIT, (), segment=3, epoch=2, first=14, count=2, durable=9, before=NO_DIGEST)
    damaged = pack_header(HEADER) + bytes(64) + data
    assert frame_after(damaged, SEGMENT_HEADER_BYTES, HEADER, 10) is None
    data, _ = encode(COMMIT, (), segment=3, epoch=2, first=14, count=2, durable=10, before=NO_DIGEST)
    assert frame_after(pack_header(HEADER) + bytes(64) + data, SEGMENT_HEADER_BYTES, HEADER, 10) is not None


def test_a_frame_of_another_segment_behind_a_bad_place_tells_nothing() -> None:
    other = frames(1, HEADER._replace(segment=9))[0]
    assert frame_after(pack_header(HEADER) + bytes(64) + other, SEGMENT_HEADER_BYTES, HEADER, 10) is None


def test_noise_full_of_first_bytes_is_searched_quickly(chance: Random) -> None:
    noise = b"".join(b"\xc5\x1e" + chance.randbytes(6) for _ in range(20_000))
    assert frame_after(pack_header(HEADER) + noise, SEGMENT_HEADER_BYTES, HEADER, 10) is None
