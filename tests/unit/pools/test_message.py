"""A frame's bytes say what was sent, whatever happens to them on the way."""

from __future__ import annotations

import tracemalloc
from random import Random
from typing import Any

import lz4.block
import orjson
import pytest

from pools.errors import BadFrame, FrameTooLarge
from pools.message import CHECKPOINT, ERROR, HEAD, LETTERS, LZ4, RESULT, STATUS, TASK, Frames, Message, decode, encode
from pools.spec import FRAME_BYTES


def one(frame: bytes) -> Message:
    (message,) = Frames().feed(frame)
    return message


def framed(body: bytes, flags: int = 0) -> bytes:
    return HEAD.pack(len(body) + 1, flags) + body


def test_there_are_five_letters() -> None:
    assert (TASK, RESULT, ERROR, STATUS, CHECKPOINT) == LETTERS == ("t", "r", "e", "s", "c")


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("data", [None, [], {"a": [1, 2.5, "é", True, None]}, "x", 0])
def test_every_letter_goes_and_comes_back(letter: str, data: Any) -> None:
    assert one(encode(letter, data, 1_700_000_000)) == Message(letter, data, 1_700_000_000)


@pytest.mark.parametrize("time_s", [0, 2**31 - 1, 2**31, 2_147_483_648 + 86_400, 2**32, 2**53])
def test_time_is_whole_seconds_past_2038_too(time_s: int) -> None:
    assert one(encode(STATUS, None, time_s)).time_s == time_s


def test_a_frame_is_a_length_flags_and_json() -> None:
    """Counted in bytes: 4 of length (little-endian, of what follows), 1 of flags, then the body."""
    frame = encode(TASK, [1], 7)
    assert frame == b"\x19\x00\x00\x00" + b"\x00" + b'{"t":"t","ts":7,"d":[1]}'
    assert len(frame) == 4 + 1 + 24


def test_a_body_that_shrinks_is_compressed_and_says_so() -> None:
    data = ["counter/17"] * 1_000
    frame = encode(TASK, data, 7, compress_over_bytes=100)
    assert frame[4] == LZ4 == 1
    assert len(frame) < 1_000
    assert int.from_bytes(frame[5:9], "little") == len(orjson.dumps({"t": "t", "ts": 7, "d": data}))
    assert one(frame).data == data


def test_a_body_that_does_not_shrink_is_sent_as_it_is(chance: Random) -> None:
    text = "".join(chr(0x4E00 + chance.randrange(20_000)) for _ in range(1_000))
    assert encode(TASK, text, 7, compress_over_bytes=100)[4] == 0
    assert one(encode(TASK, text, 7, compress_over_bytes=100)).data == text


def test_a_message_larger_than_a_frame_is_refused() -> None:
    encode(TASK, "x" * (FRAME_BYTES - 100), 0)
    with pytest.raises(FrameTooLarge, match="16,777,216"):
        encode(TASK, "x" * FRAME_BYTES, 0)


@pytest.mark.parametrize("data", [object(), {1: 2}, b"x", "\ud800", 2**64])
def test_what_json_has_no_form_for_is_refused(data: Any) -> None:
    with pytest.raises(TypeError):
        encode(TASK, data, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"t"',
        b"{}",
        b'{"t":"t","d":null}',
        b'{"t":"t","ts":1}',
        b'{"t":"x","d":null,"ts":1}',
        b'{"t":["t"],"d":null,"ts":1}',
        b'{"t":{},"d":null,"ts":1}',
        b'{"t":"t","d":null,"ts":1.5}',
        b'{"t":"t","d":null,"ts":"1"}',
        b'{"t":"t","d":null,"ts":true}',
        b'{"t":"t","d":null,"ts":null}',
        b'{"t":"t","d":NaN,"ts":1}',
        b'{"t":"t","d":"\xff","ts":1}',
        b'{"t":"t","d":"\\ud800","ts":1}',
        b"[" * 100_000,
        b'{"t":"t","ts":1,"d":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    ],
)
def test_a_body_that_is_no_message_is_a_bad_frame(body: bytes) -> None:
    with pytest.raises(BadFrame):
        list(Frames().feed(framed(body)))


@pytest.mark.parametrize("flags", [2, 3, 0x80, 0xFF])
def test_a_flag_that_is_not_known_is_a_bad_frame(flags: int) -> None:
    with pytest.raises(BadFrame, match="flags"):
        list(Frames().feed(framed(b"{}", flags)))


@pytest.mark.parametrize("size", [0, FRAME_BYTES + 2, 2**31, 2**32 - 1])
def test_a_length_that_lies_is_refused_before_its_memory_is_taken(size: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FrameTooLarge):
            list(Frames().feed(size.to_bytes(4, "little") + b"\x00"))
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [FRAME_BYTES + 1, 2**31, 2**32 - 1])
def test_a_bomb_that_says_its_size_is_refused_before_its_memory_is_taken(claimed: int) -> None:
    body = claimed.to_bytes(4, "little") + lz4.block.compress(b"x" * 1_000, store_size=False)
    tracemalloc.start()
    try:
        with pytest.raises(FrameTooLarge):
            decode(LZ4, body)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [0, 1, 1_000])
def test_a_bomb_that_hides_its_size_is_a_bad_frame(claimed: int) -> None:
    body = claimed.to_bytes(4, "little") + lz4.block.compress(b"x" * 10_000_000, store_size=False)
    with pytest.raises(BadFrame):
        decode(LZ4, body)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x01", b"\x01\x00\x00", b"\x05\x00\x00\x00", b"\x05\x00\x00\x00garbage", b"\xff\xff\xff\x00" + b"\x00" * 100],
)
def test_a_compressed_body_that_is_damaged_is_a_bad_frame(body: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(LZ4, body)


def test_random_bytes_are_messages_or_a_bad_frame(chance: Random) -> None:
    for _ in range(2_000):
        data = chance.randbytes(chance.randrange(64))
        if chance.random() < 0.5:
            data = framed(data, chance.choice([0, 0, 1, 7]))
        try:
            list(Frames().feed(data))
        except BadFrame:
            continue


def test_a_flipped_bit_gives_a_message_a_bad_frame_or_nothing_yet(chance: Random) -> None:
    good = encode(TASK, ["counter"] * 100, 7, compress_over_bytes=chance.choice([10, 10**9]))
    for _ in range(1_000):
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        try:
            messages = list(Frames().feed(bytes(bad)))
        except BadFrame:
            continue
        assert len(messages) <= 1


def test_a_frame_cut_anywhere_comes_whole_in_the_end() -> None:
    frames = encode(TASK, [1], 7) + encode(RESULT, {"a": "b"}, 8)
    for cut in range(len(frames) + 1):
        stream = Frames()
        messages = [*stream.feed(frames[:cut]), *stream.feed(frames[cut:])]
        assert [message.letter for message in messages] == [TASK, RESULT]
        assert stream.waiting_bytes == 0


def test_single_bytes_add_up_to_messages() -> None:
    frames = encode(TASK, [1], 7) * 3
    stream = Frames()
    messages = [message for at in range(len(frames)) for message in stream.feed(frames[at : at + 1])]
    assert messages == [Message(TASK, [1], 7)] * 3


def test_half_a_frame_waits_for_its_rest() -> None:
    frame = encode(TASK, [1], 7)
    stream = Frames()
    assert list(stream.feed(frame[:10])) == []
    assert stream.waiting_bytes == 10
    assert list(stream.feed(b"")) == []
    assert list(stream.feed(frame[10:])) == [Message(TASK, [1], 7)]
    assert stream.waiting_bytes == 0


def test_a_frame_of_five_hundred_tasks_costs_few_bytes_a_task() -> None:
    section = {"n": 1, "k": "counter", "i": list(range(1_000, 1_512)), "m": "add", "a": [1] * 512}
    assert len(encode(TASK, [section], 1_700_000_000)) < 10 * 512
