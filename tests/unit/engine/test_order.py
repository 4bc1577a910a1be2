"""What a peer sends is read with its types, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from engine.order import Order
from pools.errors import BadArgument


def test_what_is_left_out_or_null_has_its_default() -> None:
    for facts in ({}, {"a": None}):
        order = Order(dict(facts))
        assert order.text_if_any("a") is None
        assert list(order.texts("a")) == []
        assert order.texts_if_any("a") is None
        assert order.count("a", 7, 10) == 7
        assert order.count_if_any("a") is None
        assert order.seconds("a", 1.5, 10.0) == 1.5
        assert order.flag("a") is False


def test_what_is_right_comes_as_it_is_and_is_cut_to_the_most() -> None:
    order = Order({"verb": "ps", "id": [1], "t": "x", "l": ["a"], "n": 50, "s": 2, "f": True})
    assert (order.verb, order.number) == ("ps", [1])
    assert order.text("t") == "x"
    assert order.texts("l") == ["a"]
    assert order.count("n", 0, 10) == 10
    assert order.count_if_any("n") == 50
    assert order.seconds("s", 0.0, 1.0) == 1.0
    assert order.flag("f") is True


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *[("text", value) for value in (5, None, ["x"], True)],
        *[("texts", value) for value in ("abc", [1], {"a": 1}, [None])],
        *[("count", value) for value in (-1, 1.0, True, "1", [])],
        *[("seconds", value) for value in (-1, "1", True, [], float("nan"))],
        *[("flag", value) for value in (1, "true", [])],
    ],
)
def test_what_is_of_a_wrong_type_is_refused_by_name(read: str, value: Any) -> None:
    order = Order({"thing": value})
    with pytest.raises(BadArgument, match=r"^thing must be "):
        {
            "text": lambda: order.text("thing"),
            "texts": lambda: order.texts("thing"),
            "count": lambda: order.count("thing", 0, 10),
            "seconds": lambda: order.seconds("thing", 0.0, 10.0),
            "flag": lambda: order.flag("thing"),
        }[read]()


def test_a_value_is_given_as_it_came() -> None:
    assert Order({"tasks": [1, None]}).value("tasks") == [1, None]
    assert Order({}).value("tasks") is None


def test_shares_and_seconds_may_be_left_out_and_are_never_below_nothing() -> None:
    order = Order({"half": 0.5, "much": 7, "text": "x", "less": -1, "none": None})
    assert (order.share("half", 0.1), order.share("much", 0.1), order.share("none", 0.1)) == (0.5, 7.0, 0.1)
    assert (order.seconds_if_any("half", 9.0), order.seconds_if_any("none", 9.0)) == (0.5, None)
    for name in ("text", "less"):
        with pytest.raises(BadArgument, match=name):
            order.share(name, 0.1)
