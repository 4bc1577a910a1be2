"""What spawn was asked to make: one order a kind, and a clear word about every contradiction."""

from __future__ import annotations

from argparse import Namespace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.misuse import Misuse
from engine.cli.orders import Order, orders_of
from engine.errors import BadAddress


def orders(**given_: Any) -> list[Order]:
    return orders_of(Namespace(**{"kind": None, "kinds": None, "count": None, "add": None, "key": None} | given_))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"count": 5}, [Order(None, wanted=5)]),
        ({"add": 5}, [Order(None, add=5)]),
        ({"kind": "a", "count": 5}, [Order("a", wanted=5)]),
        ({"kinds": "a", "count": 5}, [Order("a", wanted=5)]),
        ({"kind": "a", "key": ["x", "y", "x"]}, [Order("a", keys=("x", "y"))]),
        ({"kinds": "a=200,b=300"}, [Order("a", wanted=200), Order("b", wanted=300)]),
        ({"kinds": " a=200, b=300 "}, [Order("a", wanted=200), Order("b", wanted=300)]),
        ({"kinds": "a=200,b=300", "count": 500}, [Order("a", wanted=200), Order("b", wanted=300)]),
        ({"kinds": "a=40%,b=60%", "count": 10}, [Order("a", wanted=4), Order("b", wanted=6)]),
        ({"kinds": "a=40%,b=60%", "add": 10}, [Order("a", add=4), Order("b", add=6)]),
        (
            {"kinds": "a=33.33%,b=33.33%,c=33.34%", "count": 100},
            [Order("a", wanted=33), Order("b", wanted=33), Order("c", wanted=34)],
        ),
    ],
)
def test_words_become_orders(words: dict[str, Any], expected: list[Order]) -> None:
    assert orders(**words) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "how many"),
        ({"kind": "a"}, "how many"),
        ({"kind": "a", "kinds": "b", "count": 5}, "the kind is given twice"),
        ({"count": 5, "add": 5}, "--count and --add exclude each other"),
        ({"count": 5, "key": ["x"]}, "--count and --key exclude each other"),
        ({"kinds": "a,b", "count": 5}, "how many of each"),
        ({"kinds": "a=1,a=2"}, "a is there twice"),
        ({"kinds": "a=1,b"}, "every kind a number"),
        ({"kinds": "a=1,b=50%", "count": 5}, "every kind a number"),
        ({"kinds": "a=1,b=2", "count": 5}, "leave out --count"),
        ({"kinds": "a=1,b=2", "add": 5}, "leave out --add"),
        ({"kinds": "a=0"}, "0 agents are none"),
        ({"kinds": "a=-1"}, "'-1' is not a whole number"),
        ({"kinds": "a=x"}, "'x' is not a whole number"),
        ({"kinds": "a="}, "write a kind"),
        ({"kinds": "=5"}, "write a kind"),
        ({"kinds": ""}, "write a kind"),
        ({"kinds": "a=50%,b=40%", "count": 5}, "add up to 90%"),
        ({"kinds": "a=50%,b=50%"}, "of how many"),
        ({"kinds": "a=x%", "count": 5}, "is not a share"),
        ({"kinds": "a=-5%,b=105%", "count": 5}, "is not a share"),
        ({"kinds": "a=200%", "count": 5}, "is not a share"),
        ({"kinds": "a=50%,b=50%", "key": ["x"]}, "--key names agents of one kind"),
        ({"kind": "a", "key": ["17"]}, "a number for a key"),
    ],
)
def test_a_contradiction_is_named(words: dict[str, Any], said: str) -> None:
    with pytest.raises(Misuse, match=said):
        orders(**words)


def test_a_key_that_no_agent_can_have_is_refused() -> None:
    with pytest.raises(BadAddress, match="a/b"):
        orders(kind="a", key=["a/b"])


@given(st.lists(st.integers(0, 100), min_size=1, max_size=12), st.integers(1, 1_000_000))
def test_shares_of_a_number_add_up_to_it(cuts: list[int], number: int) -> None:
    edges = [0, *sorted(cuts), 100]
    shares = [high - low for low, high in pairwise(edges)]
    kinds = ",".join(f"k{at}={share}%" for at, share in enumerate(shares))
    made = orders(kinds=kinds, count=number)
    assert sum(order.wanted or 0 for order in made) == number
    for order, share in zip(made, shares, strict=True):
        assert order.wanted is not None
        assert abs(order.wanted - number * share / 100) < 1
