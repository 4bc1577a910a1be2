"""The closed list of types, and which values fit each."""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

import pytest

from pools.types import type_of

FITS: list[tuple[Any, list[Any], list[Any]]] = [
    (int, [0, -5, 2**70], [True, 1.0, "1", None]),
    (float, [0.5, 1], [True, "1", None]),
    (bool, [True, False], [0, 1, None]),
    (str, ["", "x"], [b"x", 1, None]),
    (None, [None], [0, False, ""]),
    (type(None), [None], [0]),
    (Any, [None, 1, "x", [1], {"a": 1}], []),
    (list, [[], [1, "x", None]], [(), {}, "x"]),
    (dict, [{}, {"a": [1]}], [[], {1: 2}]),
    (list[int], [[], [1, 2]], [[1, "2"], [True], (1,), [1.0]]),
    (dict[str, int], [{}, {"a": 1}], [{"a": "1"}, {1: 1}]),
    (dict[str, list[float]], [{"a": [1, 0.5]}], [{"a": ["x"]}, {"a": 1}]),
    (Optional[int], [None, 1], ["x", True]),  # both spellings are tried
    (Union[int, str], [1, "x"], [None, 1.5]),  # noqa: UP007
    (int | list[str] | None, [1, None, ["x"]], [[1], "x"]),
    (Literal["a", 1], ["a", 1], ["b", True, 2, None]),
    (Literal[True], [True], [1]),
]


@pytest.mark.parametrize(("annotation", "fits", "does_not"), FITS)
def test_a_value_fits_its_type_and_no_other(annotation: Any, fits: list[Any], does_not: list[Any]) -> None:
    kind = type_of(annotation)
    assert kind is not None
    assert [value for value in fits if not kind.accepts(value)] == []
    assert [value for value in does_not if kind.accepts(value)] == []


@pytest.mark.parametrize(
    "annotation",
    [
        bytes,
        set,
        set[int],
        tuple,
        tuple[int, ...],
        dict[int, str],
        list[set[int]],
        complex,
        type,
        Optional[bytes],
        "int",
        5,
        Literal[b"x"],
    ],
)
def test_a_type_off_the_list_is_not_known(annotation: Any) -> None:
    assert type_of(annotation) is None


@pytest.mark.parametrize(
    ("annotation", "is_scalar"),
    [(int, True), (str, True), (int | None, True), (Literal["a"], True), (Any, False), (list[int], False), (int | list, False)],
)
def test_only_values_that_cannot_change_in_place_are_scalars(annotation: Any, is_scalar: bool) -> None:
    kind = type_of(annotation)
    assert kind is not None
    assert kind.is_scalar is is_scalar


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (list[int], "list[int]"),
        (dict[str, Any], "dict[str, any JSON value]"),
        (int | None, "int | None"),
        (Literal["a", 2], "one of 'a', 2"),
    ],
)
def test_a_type_is_told_as_the_user_would_write_it(annotation: Any, text: str) -> None:
    kind = type_of(annotation)
    assert kind is not None
    assert kind.text == text
