"""The mark tells how far a log went, or that it tells nothing."""

from __future__ import annotations

import errno

import pytest

from checkpoints.errors import Corrupt, ReadFailed
from checkpoints.mark import MARK, Mark, read_mark, write_mark
from tests.support.disks import Fault, SimDisk

STORE = bytes(range(16))
PATH = f"log/{MARK}"
KNOWN = Mark(segment=7, epoch=3, durable=2**40)


def written() -> SimDisk:
    disk = SimDisk({"log/LOCK": b""})
    write_mark(disk.process(), "log", STORE, Mark(6, 3, 5))
    write_mark(disk.process(), "log", STORE, KNOWN)
    return disk


def test_the_last_mark_is_read_back() -> None:
    disk = written()
    assert read_mark(disk.process(), "log", STORE) == KNOWN
    assert disk.durable_image() == disk.image()


def test_a_mark_that_is_missing_or_of_another_store_is_told() -> None:
    with pytest.raises(Corrupt, match="missing") as caught:
        read_mark(SimDisk({"log/LOCK": b""}).process(), "log", STORE)
    assert caught.value.file == PATH
    with pytest.raises(Corrupt, match="no mark of this store"):
        read_mark(written().process(), "log", bytes(16))


def test_every_flipped_bit_and_every_cut_is_found() -> None:
    data = written().image()[PATH]
    changes = [*(data[:size] for size in range(len(data))), data + b"\0"]
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        changes.append(bytes(changed))
    for change in changes:
        with pytest.raises(Corrupt) as caught:
            read_mark(SimDisk({PATH: change}).process(), "log", STORE)
        assert caught.value.file == PATH


def test_a_mark_that_cannot_be_read_stops_a_reader() -> None:
    disk = written()
    disk.faults = [Fault(1, errno.EIO, ("read",))]
    with pytest.raises(ReadFailed) as caught:
        read_mark(disk.process(), "log", STORE)
    assert caught.value.file == PATH
