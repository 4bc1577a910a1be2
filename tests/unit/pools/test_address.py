"""The grammar of `kind/key`."""

from __future__ import annotations

from typing import Any

import pytest

from pools.address import address_of, key_of, parse, valid_kind
from pools.errors import BadAddress


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("counter/0", ("counter", 0)),
        ("counter/17", ("counter", 17)),
        ("counter/007", ("counter", "007")),
        ("module/json.decoder", ("module", "json.decoder")),
        ("a_1/x:y@z+w=v-u", ("a_1", "x:y@z+w=v-u")),
        ("a/" + "k" * 128, ("a", "k" * 128)),
        ("a/999999999999999", ("a", 999_999_999_999_999)),
        ("a/1000000000000000", ("a", "1000000000000000")),
    ],
)
def test_an_address_is_taken_apart_and_put_together_again(address: str, parts: tuple[str, Any]) -> None:
    assert parse(address) == parts
    assert address_of(*parts) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "counter",
        "/",
        "counter/",
        "/17",
        "Counter/1",
        "1a/x",
        "a-b/x",
        "a" * 64 + "/x",
        "a/b/c",
        "a/ b",
        "a/.b",
        "a/-1",
        "a/é",
        "a/b\n",
        "a\n/b",
        "a/" + "k" * 129,
        None,
        17,
        b"a/1",
        ["a/1"],
    ],
)
def test_what_is_no_address_is_refused(address: Any) -> None:
    with pytest.raises(BadAddress):
        parse(address)


@pytest.mark.parametrize("key", [-1, 10**15, True, 1.0, None, ""])
def test_what_is_no_key_is_refused(key: Any) -> None:
    with pytest.raises(BadAddress):
        key_of(key)


def test_an_address_without_a_kind_says_how_to_write_one() -> None:
    with pytest.raises(BadAddress, match="counter/17"):
        parse("counter")


def test_a_kind_has_at_most_63_characters() -> None:
    assert valid_kind("k" * 63) == "k" * 63
    with pytest.raises(BadAddress):
        valid_kind("k" * 64)
