"""Task lines that are read in columns say what they say when they are read one by one; what is unusual is left to that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.options import priority_of
from engine.sheet import Sheet, sheets_of
from engine.submission import LINE, task_of
from pools.lane import sent_form
from pools.ranked import NORMAL, PRIORITIES

FIELDS = LINE | {"priority"}


def rows(sheet: Sheet) -> list[tuple[Any, ...]]:
    """The tasks of a sheet."""
    return [(sheet.priority, *row) for row in zip(sheet.tokens, sheet.addresses, sheet.methods, sheet.arguments, strict=True)]


def singly(number: int, line: dict[str, Any]) -> tuple[Any, ...]:
    """A line as it is read by itself."""
    name, (address, method, *arguments) = task_of(line, FIELDS)
    priority = priority_of(line["priority"]) if "priority" in line else NORMAL
    return priority, number if name is None else name, address, method, sent_form(arguments)


def lines_of(*fields: str, args: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Lines that all have these fields."""
    values: dict[str, st.SearchStrategy[Any]] = {
        "id": st.integers(0, 99) | st.text(max_size=3) | st.none() | st.just([1]),
        "kind": st.sampled_from(["counter", "tally"]),
        "agent": st.sampled_from(["counter/1", "counter/x", "tally/2"]),
        "method": st.sampled_from(["get", "add", ""]),
        "priority": st.sampled_from(PRIORITIES),
        "args": st.lists(st.integers() | st.none() | st.floats(), max_size=2),
        "after": st.just([1]),
    }
    return st.fixed_dictionaries({field: values[field] for field in fields})


ANY_LINES = (
    lines_of("kind", "method"),
    lines_of("id", "kind", "method", "priority"),
    lines_of("id", "agent", "method", "args"),
    lines_of("agent", "method", "priority"),
    lines_of("id", "kind", "method", "priority", "after"),
)


@given(st.lists(st.one_of(ANY_LINES), max_size=40), st.integers(0, 5))
def test_columns_and_single_lines_say_the_same(lines: list[dict[str, Any]], first: int) -> None:
    sheets, rest = sheets_of(lines, first)
    read = [row for sheet in sheets for row in rows(sheet)]
    left = set(rest)
    expected = [singly(first + at, line) for at, line in enumerate(lines) if at not in left]
    assert sorted(map(repr, read)) == sorted(map(repr, expected))
    assert {at for at, line in enumerate(lines) if "after" in line} <= left
    assert sorted(left) == list(rest)


@given(st.lists(ANY_LINES[3], min_size=1, max_size=40))
def test_tasks_of_one_agent_stay_in_order_within_a_priority(lines: list[dict[str, Any]]) -> None:
    sheets, rest = sheets_of(lines, 0)
    assert not rest
    for sheet in sheets:
        numbers: Any = sheet.tokens
        assert list(numbers) == sorted(numbers)
    assert [sheet.priority for sheet in sheets] == sorted({sheet.priority for sheet in sheets}, reverse=True)


def test_lines_for_agents_that_say_different_things_are_read_one_by_one_as_their_order_counts() -> None:
    lines = [{"agent": "counter/1", "method": "add", "args": [1]}, {"agent": "counter/1", "method": "get"}]
    assert sheets_of(lines, 0) == ([], range(2))
    assert sheets_of([*lines, {"kind": "counter", "method": "get"}], 0) == ([], range(3))


@pytest.mark.parametrize(
    "odd",
    [
        ("counter", "get"),
        {"kind": "counter"},
        {"method": "get", "id": 1},
        {"kind": "counter/1", "method": "get"},
        {"agent": "counter", "method": "get"},
        {"agent": "counter/1", "kind": "counter", "method": "get"},
        {"kind": ["counter"], "method": "get"},
        {"kind": 7, "method": "get"},
        {"kind": "counter", "method": None},
        {"kind": "counter", "method": "get", "args": {"x": 1}},
        {"kind": "counter", "method": "get", "priority": "urgent"},
        {"kind": "counter", "method": "get", "priority": "HIGH"},
        {"kind": "counter", "method": "get", "priority": ["high"]},
        {"kind": "counter", "method": "get", "tags": ["x"]},
        {"kind": "counter", "method": "get", "colour": 1},
        7,
        None,
    ],
)
def test_what_is_unusual_is_left_and_takes_at_most_its_like_along(odd: Any) -> None:
    plain = [{"kind": "counter", "method": "get", "id": at} for at in range(3)]
    sheets, rest = sheets_of([plain[0], odd, *plain[1:]], 10)
    assert 1 in rest
    assert sum(len(sheet.tokens) for sheet in sheets) + len(rest) == 4
    assert all(token != 11 for sheet in sheets for token in sheet.tokens)
    assert sheets_of([odd], 0)[0] == []


def test_many_sorts_of_lines_are_read_one_by_one() -> None:
    fields = ["id", "args", "priority"]
    line = {"id": 1, "args": [], "priority": "low"}
    lines: list[dict[str, Any]] = [{"kind": "counter", "method": "get"} for _ in range(3)]
    lines += [{"kind": "counter", "method": "get"} | {field: line[field] for field in fields[:count]} for count in range(4)]
    lines += [{"kind": "counter", "method": "get", **line, "after": [1]}]
    assert sheets_of(lines, 0) == ([], range(8))


def test_none_are_none() -> None:
    assert sheets_of([], 0) == ([], range(0))
