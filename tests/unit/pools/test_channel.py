"""A connection carries frames both ways; a bad one ends the connection and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools.channel import Channel
from pools.errors import BadFrame, FrameTooLarge
from pools.message import ERROR, HEAD, STATUS, TASK, Frames, Message, encode


class Transport(asyncio.WriteTransport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def get_write_buffer_size(self) -> int:
        return len(self.written)


class Side:
    """A channel with its transport, and what its owner was told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.ends: list[Exception | None] = []
        self.channel = Channel(
            lambda _channel, message: self.messages.append(message),
            lambda _channel, error: self.ends.append(error),
            lambda: 2_147_483_648.9,
        )
        self.transport = Transport()
        self.channel.connection_made(self.transport)

    @property
    def said(self) -> list[Message]:
        return list(Frames().feed(self.transport.written))


def test_messages_are_stamped_in_whole_seconds_past_2038() -> None:
    side = Side()
    side.channel.send(TASK, [1])
    assert side.said == [Message(TASK, [1], 2_147_483_648)]
    assert side.channel.bytes_out == len(side.transport.written) == side.channel.buffered_bytes


def test_messages_arrive_in_order_however_they_are_cut() -> None:
    side = Side()
    data = encode(TASK, [1], 1) + encode(STATUS, {}, 2) + encode(TASK, [2], 3)
    for at in range(0, len(data), 7):
        side.channel.data_received(data[at : at + 7])
    assert [message.time_s for message in side.messages] == [1, 2, 3]
    assert side.channel.bytes_in == len(data)


@pytest.mark.parametrize("garbage", [b"\xff" * 64, HEAD.pack(3, 0) + b"{}", HEAD.pack(2, 9) + b"x", b"\x00" * 8])
def test_a_bad_frame_is_told_to_the_other_side_and_closes(garbage: bytes) -> None:
    side = Side()
    side.channel.data_received(encode(TASK, [1], 1))
    side.channel.data_received(garbage)
    assert len(side.messages) == 1
    assert side.transport.closed
    (said,) = side.said
    assert said.letter == ERROR
    assert said.data["type"] in ("BadFrame", "FrameTooLarge")
    assert not side.channel.is_open
    side.channel.connection_lost(None)
    (error,) = side.ends
    assert isinstance(error, BadFrame)


def test_an_owner_that_refuses_a_message_closes_the_connection() -> None:
    def refuse(_channel: Channel, _message: Message) -> None:
        raise BadFrame("not here")

    ends: list[Exception | None] = []
    channel = Channel(refuse, lambda _channel, error: ends.append(error), lambda: 0.0)
    transport = Transport()
    channel.connection_made(transport)
    channel.data_received(encode(TASK, [1], 1) * 2)
    assert transport.closed
    channel.connection_lost(None)
    assert [str(error) for error in ends] == ["not here"]


def test_the_end_is_told_once_with_its_reason() -> None:
    side = Side()
    reason = ConnectionResetError("gone")
    side.channel.connection_lost(reason)
    assert side.ends == [reason]
    assert not side.channel.is_open


def test_what_is_sent_after_the_end_is_dropped() -> None:
    side = Side()
    side.channel.connection_lost(None)
    side.channel.send(TASK, [1])
    side.channel.close()
    side.channel.abort()
    assert side.transport.written == b""
    assert side.channel.buffered_bytes == 0
    assert side.channel.socket is None


def test_what_cannot_be_sent_is_refused_and_the_connection_stays() -> None:
    side = Side()
    with pytest.raises(TypeError):
        side.channel.send(TASK, {1, 2})
    with pytest.raises(FrameTooLarge):
        side.channel.send(TASK, "x" * 2**25)
    side.channel.send(TASK, "y")
    assert [message.data for message in side.said] == ["y"]
    assert side.channel.is_open


def test_half_a_frame_that_waits_is_seen() -> None:
    side = Side()
    frame = encode(TASK, [1], 1)
    assert side.channel.half_since_s is None
    side.channel.data_received(frame[:9])
    since = side.channel.half_since_s
    assert since is not None
    side.channel.data_received(frame[9:12])
    assert side.channel.half_since_s == since
    side.channel.data_received(frame[12:])
    assert side.channel.half_since_s is None


def test_frames_that_come_without_pause_and_never_end_with_a_read_are_no_half_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr("pools.channel.monotonic", lambda: now_s[0])
    channel = Channel(lambda *_: None, lambda *_: None, lambda: 0.0)
    frame = encode(STATUS, {"verb": "x"}, 1)
    channel.data_received(frame[:10])
    for _ in range(60):
        now_s[0] += 1.0
        channel.data_received(frame[10:] + frame[:10])
    assert channel.half_since_s == now_s[0]
