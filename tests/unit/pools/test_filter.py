"""A filter is a part of an address or an expression, can be turned round, and never takes long."""

from __future__ import annotations

import time

import pytest

from pools.errors import BadArgument
from pools.filter import CHARS, Filter

KEYS = [1, 17, 170, "a.b", "anna", "Bea"]


@pytest.mark.parametrize(
    ("text", "those"),
    [
        ("", KEYS),
        ("17", [17, 170]),
        ("counter", KEYS),
        ("ter/1", [1, 17, 170]),
        ("a.b", ["a.b"]),
        ("^counter/17$", [17]),
        ("/(a|B)", ["a.b", "anna", "Bea"]),
        ("[0-9]{3}", [170]),
        ("!17", [1, "a.b", "anna", "Bea"]),
        ("!counter", []),
        ("!^counter/[0-9]+$", ["a.b", "anna", "Bea"]),
        ("!", []),
        (r"a\.b", ["a.b"]),
        ("nobody", []),
    ],
)
def test_a_filter_lets_pass_what_it_says(text: str, those: list[object]) -> None:
    assert Filter(text).those("counter", KEYS) == those


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$",
        "(a|b)*",
        "a?a?a?a?a",
        ".*.*.*.*x",
        "(a|a)(a|a)(a|a)(a|a)",
        r"(a)\1",
        "(?=a)",
        "(?i)a",
        "(",
        "[",
        "a{2}b{2}c{2}d{2}",
    ],
)
def test_an_expression_that_could_take_long_or_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadArgument):
        Filter(text)


def test_a_filter_is_no_longer_than_an_address_may_be() -> None:
    Filter("x" * CHARS)
    with pytest.raises(BadArgument, match="characters"):
        Filter("x" * (CHARS + 1))


@pytest.mark.parametrize("text", [".*.*.*x$", "a*a*a*b", "(a|a|a)(a|a|a)(a|a|a)b+", "[a-z]*[a-z]*[a-z]*!"])
def test_the_worst_that_is_taken_ends_on_the_longest_address(text: str) -> None:
    began_s = time.process_time()
    assert Filter(text).those("k" * 63, ["a" * 128]) == []
    assert time.process_time() - began_s < 1.0
