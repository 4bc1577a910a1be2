"""Keys to be removed, in whatever form, become sorted ranges and names."""

from __future__ import annotations

from typing import Any

import pytest

from engine.keyset import RANGES, KeySet, keyset, spawnable
from engine.removed import Removed
from pools.errors import BadAddress
from pools.spans import Span


@pytest.mark.parametrize(
    ("keys", "ranges", "names"),
    [
        ([3, "4", "x", 5, "x"], [(3, 6)], ["x"]),
        (range(10, 13), [(10, 13)], []),
        (range(0, 10, 4), [(0, 1), (4, 5), (8, 9)], []),
        (range(5, 5), [], []),
        (KeySet([], ["a", "a"]), [], ["a"]),
        ([], [], []),
    ],
)
def test_keys_are_ranges_and_names(keys: Any, ranges: list[tuple[int, int]], names: list[str]) -> None:
    found = keyset(keys)
    assert (found.ranges, found.names) == (ranges, names)
    assert found.total == sum(stop - start for start, stop in ranges) + len(names)
    assert found.as_dict() == {"ranges": [list(span) for span in ranges], "names": names}


@pytest.mark.parametrize("keys", [["a b"], [-1], [None], ["/"]])
def test_what_can_be_no_key_is_refused(keys: Any) -> None:
    with pytest.raises(BadAddress):
        keyset(keys)


def test_a_text_is_no_list_of_keys() -> None:
    with pytest.raises(TypeError, match="list"):
        keyset("abc")


def test_the_facts_of_a_removal_travel_by_name() -> None:
    removed = Removed("counter", 5, 1, 94, 0.25)
    assert Removed(**removed.as_dict()) == removed


def test_agents_to_be_made_are_numbers_and_names() -> None:
    assert spawnable([7, "a", 5, 6]) == KeySet([Span(5, 8)], ["a"])
    assert spawnable(range(3, 6)) == spawnable(KeySet([Span(3, 6)], [])) == KeySet([Span(3, 6)], [])
    for keys in (["17"], ["a b"], [None], [-1], [True], KeySet([], ["17"])):
        with pytest.raises(BadAddress):
            spawnable(keys)  # type: ignore[arg-type]


def test_more_ranges_than_go_into_a_request_are_refused() -> None:
    assert len(spawnable(range(0, 2 * RANGES, 2)).ranges) == RANGES
    with pytest.raises(ValueError, match="in parts"):
        spawnable(range(0, 2 * RANGES + 2, 2))
