"""JSON that would be changed in silence is refused; everything else is read as it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exactjson import NotExact, NotJson, read

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_what_json_can_say_is_read_as_it_is(value: Any) -> None:
    assert read(json.dumps(value).encode()) == value
    assert read(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("text", ["18446744073709551615", "-9223372036854775808", "1e308", "0.1", "-0", "1E5"])
def test_numbers_at_the_edge_are_read(text: str) -> None:
    assert read(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("18446744073709551616", "more than 64 bits"),
        ("-9223372036854775809", "more than 64 bits"),
        ("[[1, 99999999999999999999]]", "more than 64 bits"),
        ("1" * 5_000, "more than 64 bits"),
        ("1e400", "out of range"),
        ("-1e400", "out of range"),
        ("NaN", "not in JSON"),
        ("[Infinity]", "not in JSON"),
        ('{"a": 1, "a": 1}', "'a' is there twice"),
        ('{"x": {"b": 1, "b": 2}}', "'b' is there twice"),
        ('{"a": 1, "\\u0061": 2}', "'a' is there twice"),
        ("[" * 100_000 + "]" * 100_000, "nested too deep"),
    ],
)
def test_what_a_fast_parser_would_change_is_refused(text: str, said: str) -> None:
    with pytest.raises(NotExact, match=said):
        read(text.encode())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"oops",
        b"[1,]",
        b"{'a': 1}",
        b'{"a" 1}',
        b'"\\ud800"',
        b'"\xff"',
        b"\xef\xbb\xbf1",
        b'"a\nb"',
        b"1 2",
        b"01",
        b"[1",
    ],
)
def test_what_is_not_json_is_refused_with_the_place(line: bytes) -> None:
    with pytest.raises(NotJson) as caught:
        read(line)
    assert "line 1 column" not in str(caught.value)
