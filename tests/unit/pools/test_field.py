"""A field keeps what its type says, and its first value belongs to one agent alone."""

from __future__ import annotations

import math
from typing import Any, Literal, Optional

import orjson
import pytest

from pools.errors import BadField
from pools.field import Field, read_field
from pools.log import Log
from pools.table import Table

NO = object()


def read(annotation: Any, default: Any = NO) -> Field:
    return read_field("Mine", "field", annotation, None if default is NO else default, default is not NO)


@pytest.mark.parametrize(
    ("annotation", "first"),
    [
        (int, 0),
        (float, 0.0),
        (bool, False),
        (str, ""),
        (bytes, b""),
        (None, None),
        (Any, None),
        (list, []),
        (list[int], []),
        (dict, {}),
        (dict[str, int], {}),
        (Optional[int], None),
        (int | None, None),
        (list[int] | int, []),
        (Log[str], Log()),
        (Log, Log()),
        (Table[int], Table()),
        (Table, Table()),
    ],
)
def test_a_field_without_a_default_begins_empty(annotation: Any, first: Any) -> None:
    assert read(annotation).fresh() == first


@pytest.mark.parametrize("annotation", [Literal["a", "b"], int | str])
def test_a_field_without_an_empty_value_needs_a_default(annotation: Any) -> None:
    with pytest.raises(BadField, match=r"Mine\.field: give it a default"):
        read(annotation)
    assert read(annotation, "a").fresh() == "a"


@pytest.mark.parametrize("annotation", [set[int], tuple[int, ...], dict[int, str], complex, object(), "int", list[set[int]]])
def test_a_type_off_the_list_is_refused_by_name(annotation: Any) -> None:
    with pytest.raises(BadField, match=r"Mine\.field: .* cannot be kept; use int, float"):
        read(annotation)


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (int, "x"),
        (int, True),
        (list[int], ["x"]),
        (float, math.nan),
        (dict, {1: 2}),
        (bytes, "x"),
        (str, "\ud800"),
        (int, 2**64),
        (Log[str], [math.nan]),
        (Log[str], 5),
        (Table[str], {"a": math.nan}),
        (Table[str], {1: "x"}),
        (Table[str], 5),
        (Table[str], "text"),
    ],
)
def test_a_default_that_cannot_be_kept_is_refused_when_the_class_is_read(annotation: Any, default: Any) -> None:
    with pytest.raises(BadField, match=r"Mine\.field"):
        read(annotation, default)


@pytest.mark.parametrize("default", [[1, [2]], {"a": [1]}])
def test_a_mutable_default_is_copied_to_any_depth(default: Any) -> None:
    field = read(Any, default)
    one = field.fresh()
    (one if isinstance(one, list) else one["a"]).append(9)
    assert field.fresh() == default
    (default if isinstance(default, list) else default["a"]).append(8)
    assert 8 not in orjson.loads(field.save(field.fresh()))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, -5),
        (float, 0.1),
        (float, 3),
        (bool, True),
        (str, "é\0"),
        (bytes, bytes(range(256))),
        (None, None),
        (list[Any], [1, [None, {"a": 1.5}]]),
        (dict[str, Any], {"": [{}]}),
    ],
)
def test_a_value_is_saved_and_loaded_as_it_was(annotation: Any, value: Any) -> None:
    field = read(annotation)
    back = field.load(orjson.loads(field.save(value)))
    assert back == value
    assert type(back) is type(value)


def test_a_log_is_saved_and_loaded_as_a_log() -> None:
    field = read(Log[Any])
    back = field.load(orjson.loads(field.save(Log(["a", {"b": [1]}]))))
    assert type(back) is Log
    assert back == ["a", {"b": [1]}]


def test_a_table_is_saved_and_loaded_as_a_table_and_its_default_is_no_ones() -> None:
    default = {"a": {"b": [1]}}
    field = read(Table[Any], default)
    back = field.load(orjson.loads(field.save(field.fresh())))
    assert type(back) is Table
    back["a"] = 2
    default["c"] = {}
    assert field.fresh() == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("annotation", "kept"),
    [(Log, {"a": 1}), (Log, "text"), (Table, ["a"]), (Table, "text"), (Table, [["a", 1]]), (bytes, "no base64!"), (bytes, 5)],
)
def test_what_another_type_has_kept_is_not_taken_for_its_own(annotation: Any, kept: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|base64"):
        read(annotation).load(kept)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "x"),
        (int, None),
        (list[int], [1, "x"]),
        (float, math.nan),
        (Any, {1, 2}),
        (Any, (1, math.inf)),
        (bytes, "x"),
        (bytes, bytearray()),
        (Log, ["x"]),
        (Table, {"a": 1}),
        (str, 1),
    ],
)
def test_a_value_that_is_not_of_the_type_cannot_be_saved(annotation: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"must|JSON"):
        read(annotation).save(value)


@pytest.mark.parametrize(
    ("annotation", "is_scalar", "is_fixed"),
    [
        (int, True, True),
        (bool, True, True),
        (str, True, False),
        (bytes, True, False),
        (list, False, False),
        (Log, False, False),
        (Table, False, False),
        (Any, False, False),
    ],
)
def test_a_field_knows_whether_it_can_change_in_place_and_grow(annotation: Any, is_scalar: bool, is_fixed: bool) -> None:
    field = read(annotation)
    assert (field.is_scalar, field.is_fixed) == (is_scalar, is_fixed)
