"""The list of what a task builds on: it comes back as it was, and whatever else arrives is refused."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.inputs import Input, list_of, read_list
from engine.cluster.records import BadRecord

ONE, TWO = Input("a/b", "0" * 64, 3, 1.5), Input("c", "f" * 64, 0, 0.0)


def test_a_list_comes_back_as_it_was_and_is_the_same_for_the_same() -> None:
    assert read_list(list_of("work", [TWO, ONE])) == ("work", (ONE, TWO))
    assert list_of("work", [TWO, ONE]) == list_of("work", [ONE, TWO])


def row(**facts: object) -> bytes:
    return orjson.dumps({"schema": "engine.inputs/v1", "work": "work", "files": []} | facts)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        row(schema="engine.inputs/v2"),
        row(more=1),
        row(work=3),
        row(files={}),
        row(files=[3]),
        row(files=[["a", "0" * 64, 1]]),
        row(files=[["a", "0" * 63, 1, 1.0]]),
        row(files=[["a", "G" * 64, 1, 1.0]]),
        row(files=[["a", "0" * 64, -1, 1.0]]),
        row(files=[["a", "0" * 64, 1, "now"]]),
        row(files=[["../a", "0" * 64, 1, 1.0]]),
        row(files=[["/a", "0" * 64, 1, 1.0]]),
        row(files=[[3, "0" * 64, 1, 1.0]]),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BadRecord):
        read_list(data)


@given(st.binary(max_size=200))
def test_whatever_arrives_is_a_list_or_refused(data: bytes) -> None:
    with pytest.raises(BadRecord):
        read_list(data)


def test_a_list_that_is_too_long_is_refused_by_who_writes_it() -> None:
    with pytest.raises(BadRecord, match="are more than a task can have"):
        list_of("work", [ONE._replace(path=f"{at}" + "x" * 200) for at in range(60_000)])
