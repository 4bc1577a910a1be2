"""An argument is JSON, or else the text that was typed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cli.misuse import Misuse
from engine.cli.word import read_word


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("2", 2),
        ("2.5", 2.5),
        ("true", True),
        ("null", None),
        ('"2"', "2"),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ("hello", "hello"),
        ("https://example.org/", "https://example.org/"),
        ("", ""),
        ("NaN", "NaN"),
        ("1,2", "1,2"),
        ("2026-11-21", "2026-11-21"),
        ("-5", -5),
    ],
)
def test_a_word_is_json_or_else_a_text(word: str, value: Any) -> None:
    found = read_word(word, 1)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("word", ["[1, 2", "{a: 1}", '"open', '{"a": 1, "a": 2}', "18446744073709551616", "\udcff"])
def test_a_word_that_was_surely_meant_as_json_is_not_taken_for_a_text(word: str) -> None:
    with pytest.raises(Misuse, match="argument 3"):
        read_word(word, 3)
