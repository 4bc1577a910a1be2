"""A line is read fast or with care, and both ways say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.cli import taskline
from engine.cli.taskline import NotTask, read_task

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS | st.floats(allow_nan=False, allow_infinity=False)
)
NESTED = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
LINES = st.fixed_dictionaries(
    {"agent": st.just("a/1") | TEXTS, "method": TEXTS},
    optional={
        "id": SCALARS,
        "args": st.lists(NESTED, max_size=3) | st.dictionaries(TEXTS, SCALARS, max_size=3),
        "kind": TEXTS,
        "more": SCALARS,
    },
)


def outcome(read: Any, line: bytes) -> Any:
    try:
        return read(line)
    except NotTask as error:
        return str(error)


@given(LINES, st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : "), (",\t", "\t:"), (",", ":\r")]))
@example({"agent": "a/1", "method": "m", "args": ['" : "']}, (",", ":"))
@example({"agent": "a/1", "method": "m", "args": ['":']}, (",", ":"))
def test_the_fast_way_says_what_the_careful_way_says(line: dict[str, Any], separators: tuple[str, str]) -> None:
    text = json.dumps(line, separators=separators).encode()
    assert outcome(read_task, text) == outcome(taskline._any_task, text)


@pytest.mark.parametrize("spaces", ["", " ", "  ", "\t", "\r"])
@pytest.mark.parametrize("twin", ['"id"', '"\\u0069d"'])
def test_a_key_that_is_there_twice_is_found_however_it_is_written(spaces: str, twin: str) -> None:
    line = f'{{"id":1,"agent":"a/1","method":"m",{twin}{spaces}:2}}'
    with pytest.raises(NotTask, match="'id' is there twice"):
        read_task(line.encode())


def test_a_usual_line_takes_the_fast_way() -> None:
    line = json.dumps({"id": "x", "agent": "counter/17", "method": "add", "args": [1, "two", True, None]}).encode()
    assert taskline._plain_task(line) == ("x", ("counter/17", "add", 1, "two", True, None))
    assert taskline._plain_task(b'{"agent":"counter/17","method":"ping"}') == (None, ("counter/17", "ping"))


@pytest.mark.parametrize(
    ("line", "task"),
    [
        ('{"kind": "counter", "method": "get"}', (None, ("counter", "get"))),
        ('{"agent": "a/1", "method": "m", "args": [1.5, [2], {"x": 3}]}', (None, ("a/1", "m", 1.5, [2], {"x": 3}))),
        ('{"agent": "a/1", "method": "m", "args": {"x": 3}}', (None, ("a/1", "m", {"x": 3}))),
        ('{"agent": "a/1", "method": "m", "args": {}}', (None, ("a/1", "m"))),
        ('{"agent": "a/1", "method": "m", "id": null}', (None, ("a/1", "m"))),
        ('{"agent": "a/1", "method": "m", "id": [1, 2]}', ([1, 2], ("a/1", "m"))),
        (
            '{"agent": "a/1", "method": "m", "args": ["https://example.org:80"]}\r',
            (None, ("a/1", "m", "https://example.org:80")),
        ),
    ],
)
def test_every_form_of_a_task_is_read(line: str, task: Any) -> None:
    assert read_task(line.encode()) == task


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("oops", "not JSON"),
        ("17", "a task is"),
        ('["a/1", "m"]', "a task is"),
        ('{"method": "m"}', '"agent"'),
        ('{"agent": "a/1"}', '"method"'),
        ('{"agent": "a/1", "kind": "a", "method": "m"}', '"agent"'),
        ('{"agent": "a", "method": "m"}', "kind/key"),
        ('{"agent": "a/1", "method": "m", "args": 5}', '"args"'),
        ('{"agent": "a/1", "method": "m", "agrs": [5]}', "'agrs'"),
        ('{"agent": "a/1", "method": "m", "args": [99999999999999999999]}', "64 bits"),
        ('{"agent": "a/1", "method": "m", "args": [NaN]}', "NaN"),
    ],
)
def test_a_line_that_is_no_task_is_told_why(line: str, said: str) -> None:
    with pytest.raises(NotTask, match=said):
        read_task(line.encode())


def test_the_id_of_a_line_that_is_no_task_is_kept() -> None:
    with pytest.raises(NotTask) as caught:
        read_task(b'{"id": "x", "agent": "a"}')
    assert caught.value.name == "x"
