"""A setting gives its text or says at its own place what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.setting import Setting, nearest_of, slips

HERE = Path("/here")


def test_an_error_of_a_file_names_file_and_line() -> None:
    error = Setting("agents", "x", "f:3", HERE, HERE / "pools.yaml", 3).wrong("is odd", "agent")
    assert (error.key, error.file, error.line, error.nearest) == ("agents", HERE / "pools.yaml", 3, "agent")


def test_an_error_of_a_variable_names_the_variable() -> None:
    assert "(from ENGINE_AGENTS)" in str(Setting("agents", "x", "ENGINE_AGENTS", HERE).wrong("is odd"))


@pytest.mark.parametrize("value", [None, "", ("a", "b")])
def test_nothing_and_a_list_are_no_single_value(value: str | tuple[str, ...] | None) -> None:
    with pytest.raises(ConfigError, match=r"no value|is a list"):
        Setting("agents", value, "f:3", HERE).one()


@pytest.mark.parametrize(
    ("value", "several"), [(("a", "b"), ("a", "b")), ("a, b", ("a", "b")), ("a", ("a",)), ("", ()), (None, ())]
)
def test_a_list_may_be_written_with_commas(value: str | tuple[str, ...] | None, several: tuple[str, ...]) -> None:
    assert Setting("kinds", value, "f:3", HERE).several() == several


def test_only_a_word_that_is_like_another_is_named() -> None:
    assert nearest_of("agnets", ["agents", "cpu"]) == "agents"
    assert nearest_of("MEM", ["mem", "cpu"]) == "mem"
    assert nearest_of("zzz", ["agents", "cpu"]) is None


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("strat", "start"), ("spwan", "spawn"), ("stast", "stats"), ("opne", "open"), ("Spawn", "spawn"), ("xyzzy", None)],
)
def test_the_nearest_word_is_that_of_the_fewest_slips(word: str, nearest: str | None) -> None:
    assert nearest_of(word, ["stats", "start", "stop", "spawn", "open", "close"]) == nearest


@pytest.mark.parametrize(("one", "other", "count"), [("", "ab", 2), ("ab", "ba", 1), ("strat", "start", 1), ("abc", "abc", 0)])
def test_slips_are_letters_that_are_missing_too_many_wrong_or_swapped(one: str, other: str, count: int) -> None:
    assert slips(one, other) == slips(other, one) == count
