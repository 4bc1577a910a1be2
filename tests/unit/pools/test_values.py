"""What travels as JSON comes back as it was; what would not is refused by name."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
import uuid
from typing import Any

import orjson
import pytest

from pools import values


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    pass


@dataclasses.dataclass
class Point:
    x: int = 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**63),
        2**64 - 1,
        0.0,
        -0.0,
        1e308,
        5e-324,
        "",
        "a\0b",
        "\U0001f600",
        [],
        {},
        [[None]],
        {"": {"a": [1.5]}},
    ],
)
def test_a_json_value_has_no_fault_and_comes_back_equal(value: Any) -> None:
    assert values.fault(value) is None
    back = orjson.loads(values.dumps(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (2**64, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        ("\ud800", "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        ({1: 2}, "key of type int"),
        (b"x", "builtins.bytes"),
        ({1, 2}, "builtins.set"),
        (1j, "builtins.complex"),
        (datetime.datetime(2038, 1, 19), "datetime"),
        (uuid.UUID(int=0), "UUID"),
        (Point(), "Point"),
        (Colour.RED, "Colour"),
        (Text("x"), "Text"),
    ],
)
def test_a_value_that_json_would_change_or_refuse_is_named(value: Any, said: str) -> None:
    found = values.fault(value, "total")
    assert found is not None
    assert found.startswith("total")
    assert said in found


def test_the_place_inside_a_value_is_named() -> None:
    assert (values.fault({"a": [1, {"b": math.nan}]}, "x") or "").startswith("x.a[1].b is nan")


def test_the_first_of_several_faults_is_told() -> None:
    assert (values.fault([1, math.inf, math.nan], "x") or "").startswith("x[1]")


def _nested(levels: int, *, in_objects: bool = False) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = {"a": value} if in_objects else [value]
    return value


@pytest.mark.parametrize(
    ("levels", "in_objects"), [(100, False), (240, False), (240, True), (255, False), (1_000, True), (50_000, False)]
)
def test_a_nested_value_can_be_sent_in_an_answer_or_is_named_whatever_its_depth(levels: int, in_objects: bool) -> None:
    """An answer stands four levels deep in its frame."""
    value = _nested(levels, in_objects=in_objects)
    found = _fault_or_accident(value)
    if found is None:
        assert orjson.loads(values.dumps({"d": [{"v": [value]}]})) == {"d": [{"v": [value]}]}
    else:
        assert "deep" in found


def _fault_or_accident(value: Any) -> str | None:
    try:
        return values.fault(value)
    except RecursionError:
        return "an accident"


def test_a_value_that_holds_itself_is_named() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert "deep" in (_fault_or_accident(ring) or "")


@pytest.mark.parametrize("value", [Point(), datetime.datetime(2038, 1, 19), Text("x"), {1: 2}, object(), "\ud800"])
def test_writing_refuses_what_has_no_form(value: Any) -> None:
    with pytest.raises(TypeError):
        values.dumps(value)
