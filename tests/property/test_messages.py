"""Any JSON value, in any message, cut anywhere, arrives as it was."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pools import values
from pools.errors import BadFrame
from pools.message import LETTERS, Frames, Message, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5), max_leaves=20
)
MESSAGES = st.builds(Message, st.sampled_from(LETTERS), JSON, st.integers(0, 2**40))


def same(one: Any, other: Any) -> bool:
    """Equal in value and in every type; -0.0 is not 0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return repr(one) == repr(other)


@given(MESSAGES, st.sampled_from([0, 10, 100, 10**9]))
def test_a_message_arrives_as_it_was(message: Message, compress_over_bytes: int) -> None:
    (back,) = Frames().feed(encode(*message, compress_over_bytes))
    assert back.letter == message.letter
    assert back.time_s == message.time_s
    assert same(back.data, message.data)


@given(st.lists(MESSAGES, max_size=6), st.lists(st.integers(0, 2_000), max_size=12), st.sampled_from([10, 10**9]))
def test_any_split_of_the_stream_gives_the_same_messages(
    messages: list[Message], cuts: list[int], compress_over_bytes: int
) -> None:
    data = b"".join(encode(*message, compress_over_bytes) for message in messages)
    stream = Frames()
    got = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in itertools.pairwise(edges):
        got += stream.feed(data[start:stop])
    assert same([list(message) for message in got], [list(message) for message in messages])
    assert stream.waiting_bytes == 0


@given(JSON)
def test_what_has_no_fault_comes_back_as_it_was(value: Any) -> None:
    assert values.fault(value) is None
    (back,) = Frames().feed(encode("t", [value], 0))
    assert same(back.data, [value])


@given(
    st.recursive(
        SCALARS | st.floats() | st.integers() | st.text() | st.binary(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_a_value_is_named_or_arrives_never_changed_in_silence(value: Any) -> None:
    if values.fault(value) is None:
        (back,) = Frames().feed(encode("t", value, 0))
        assert same(back.data, value)


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_a_bad_frame_or_not_enough(data: bytes) -> None:
    try:
        list(Frames().feed(data))
    except BadFrame:
        return


@given(st.integers(0, 255), st.binary(max_size=200))
def test_any_body_is_a_message_or_a_bad_frame(flags: int, body: bytes) -> None:
    try:
        decode(flags, body)
    except BadFrame:
        return
