"""Ids made of words are readable, and given once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sprints.item import read_item
from sprints.slug import SLUG_CHARS, Slugs


def test_words_become_an_id() -> None:
    slugs = Slugs()
    assert slugs.make("Write the `parser`, soon!") == "write-the-parser-soon"
    assert slugs.make("Été à la plage") == "été-à-la-plage"
    assert slugs.make("***") == "task"


def test_the_same_words_get_numbers_that_nobody_has() -> None:
    slugs = Slugs()
    assert [slugs.make(words) for words in ("a", "a-2", "a", "a", "a-2")] == ["a", "a-2", "a-3", "a-4", "a-2-2"]


@given(st.lists(st.text(max_size=80), max_size=30))
def test_every_id_is_new_short_and_one_that_a_task_can_have(texts: list[str]) -> None:
    slugs = Slugs()
    found = [slugs.make(text) for text in texts]
    assert len(set(found)) == len(found)
    for name in found:
        assert len(name) <= SLUG_CHARS + 10
        assert read_item({"id": name, "role": "x", "method": "do"}, None).id == name
