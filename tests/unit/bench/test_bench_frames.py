"""Frames of the yardsticks: whole values, however the bytes arrive."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.frames import Frames, frame_bytes

VALUES = [[["counter/1"], ["add"], [[2]]], {"make": [0, 4, 2]}, [], 7]


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True


def connected(got: list[Any]) -> tuple[Frames, Transport]:
    """Frames that keep each value in `got`, and `lost` at their end."""
    frames, transport = Frames(lambda _, value: got.append(value), lambda: got.append("lost")), Transport()
    frames.connection_made(transport)
    return frames, transport


@pytest.mark.parametrize("size_bytes", [1, 3, 4, 5, 17, 1_000])
def test_values_arrive_whole_however_the_bytes_are_cut(size_bytes: int) -> None:
    got: list[Any] = []
    frames, _ = connected(got)
    data = b"".join(map(frame_bytes, VALUES))
    for start in range(0, len(data), size_bytes):
        frames.data_received(data[start : start + size_bytes])
    assert got == VALUES


def test_a_frame_that_is_not_whole_waits() -> None:
    got: list[Any] = []
    frames, _ = connected(got)
    frames.data_received(frame_bytes([1])[:-1])
    assert got == []


def test_what_is_sent_can_be_read_by_the_other_side() -> None:
    got: list[Any] = []
    frames, transport = connected([])
    other, _ = connected(got)
    for value in VALUES:
        frames.send(value)
    other.data_received(transport.written)
    assert got == VALUES


def test_after_the_end_nothing_is_sent_and_the_owner_knows() -> None:
    got: list[Any] = []
    frames, transport = connected(got)
    frames.connection_lost(None)
    frames.send([1])
    frames.close()
    assert got == ["lost"]
    assert not frames.is_open
    assert transport.written == b""


def test_close_closes_the_connection() -> None:
    frames, transport = connected([])
    frames.close()
    assert transport.is_closed
