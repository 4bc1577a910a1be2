"""What is written into a filter is read as words and names, whatever is written there."""

from __future__ import annotations

from engine.dashboard.choice import Choice, choice_of

NAMES = ("kind", "pool", "status")


def test_words_and_what_is_named_are_told_apart() -> None:
    choice = choice_of("  scout/4  pool:p1 ^x$ status:run,wait ", NAMES)
    assert (choice.text, choice.words) == ("scout/4 pool:p1 ^x$ status:run,wait", "scout/4 ^x$")
    assert (choice.get("pool"), choice.get("kind")) == ("p1", None)
    assert choice.several("status") == ("run", "wait")
    assert choice.several("kind") == ()


def test_a_colon_behind_what_is_no_name_is_a_part_of_a_word() -> None:
    assert choice_of("counter/a:b http://x", NAMES).words == "counter/a:b http://x"


def test_of_two_the_last_counts_and_nothing_is_anything() -> None:
    choice = choice_of("pool:a pool:b kind:", NAMES)
    assert (choice.get("pool"), choice.get("kind")) == ("b", None)
    assert choice_of("", NAMES) == Choice()
