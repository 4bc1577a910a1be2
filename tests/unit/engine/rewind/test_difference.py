"""A difference is exact: whatever JSON there was before, the later value comes out of it byte for byte."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.rewind.difference import BadDifference, applied, difference


def packed(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": 1}, {}, {"a": []}),
        ({}, {"a": []}, {"a": [[]]}),
        ({}, {"a": {}}, {"a": [{}]}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": [[1]]}),
        ({"a": [1, 2, 3]}, {"a": [1, 9, 3]}, {"a": [3, {"1": 9}]}),
        ({"a": [1, 2, 3]}, {"a": [1]}, {"a": [1, {}]}),
        ({"a": [1]}, {"a": [1, [2], {"b": 3}]}, {"a": [3, {"1": [[2]], "2": [{"b": 3}]}]}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 5, "c": 2}]}, {"a": [1, {"0": {"b": 5}}]}),
    ],
)
def test_it_says_what_is_other_and_nothing_else(before: Any, after: Any, change: Any) -> None:
    assert difference(before, after) == change
    assert packed(applied(before, change)) == packed(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, 1.0), (1, True), (0, False), (0.0, -0.0), (-0.0, 0.0), ("1", 1), (None, False), ([], {}), ({}, [])],
)
def test_values_that_python_takes_for_equal_are_told_apart(before: Any, after: Any) -> None:
    change = difference({"a": before}, {"a": after})
    assert packed(applied({"a": before}, change)) == packed({"a": after})
    assert packed({"a": before}) != packed({"a": after})


def test_the_earlier_value_stays_as_it_is() -> None:
    before = {"a": [1, {"b": 2}], "c": {"d": 3}}
    kept = orjson.loads(packed(before))
    applied(before, {"a": [1, {"0": 7}], "c": {"d": [], "e": 1}})
    assert before == kept


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({}, {"a": []}),
        ({"a": 1}, {"a": {"b": 1}}),
        ({"a": 1}, {"a": [1, {}]}),
        ({"a": []}, {"a": [2, {"0": 1}]}),
        ({"a": [1]}, {"a": [1, {"1": 1}]}),
        ({"a": [1]}, {"a": [1, {"x": 1}]}),
        ({"a": [1]}, {"a": [1, {"²": 1}]}),
        ({"a": [1]}, {"a": [-1, {}]}),
        ({"a": [1]}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"a": [True, {}]}),
        ({"a": [1]}, [1]),
    ],
)
def test_what_is_no_difference_of_this_value_is_refused(before: Any, change: Any) -> None:
    with pytest.raises(BadDifference):
        applied(before, change)
