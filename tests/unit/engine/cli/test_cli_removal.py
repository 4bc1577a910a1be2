"""The words of `agents rm`."""

from __future__ import annotations

import pytest

from engine.cli.misuse import Misuse
from engine.cli.removal import targets
from pools.errors import BadAddress


def test_words_are_agents_and_ranges_of_them_by_kind() -> None:
    found = targets(["counter/3", "counter/10..19", "scout/a", "counter/11", "counter/0", "scout/2024-11", "scout/1-5"])
    assert found["counter"].ranges == [(0, 1), (3, 4), (10, 20)]
    assert found["counter"].names == []
    assert (found["scout"].ranges, found["scout"].names) == ([], ["a", "2024-11", "1-5"])


@pytest.mark.parametrize("words", [[], ["counter/9..3"]])
def test_what_names_nobody_is_refused(words: list[str]) -> None:
    with pytest.raises(Misuse):
        targets(words)


@pytest.mark.parametrize("word", ["counter", "counter/", "Counter/1..2", "/3", "counter/01..2 "])
def test_what_can_be_no_agent_is_refused(word: str) -> None:
    with pytest.raises(BadAddress):
        targets([word])
