"""Keys to be removed, in whatever form, become sorted ranges and names."""

from __future__ import annotations

from typing import Any

import pytest

from engine.removed import Leaving, Removed, leaving
from pools.errors import BadAddress


@pytest.mark.parametrize(
    ("keys", "ranges", "names"),
    [
        ([3, "4", "x", 5, "x"], [(3, 6)], ["x"]),
        (range(10, 13), [(10, 13)], []),
        (range(0, 10, 4), [(0, 1), (4, 5), (8, 9)], []),
        (range(5, 5), [], []),
        (Leaving([], ["a", "a"]), [], ["a"]),
        ([], [], []),
    ],
)
def test_keys_are_ranges_and_names(keys: Any, ranges: list[tuple[int, int]], names: list[str]) -> None:
    found = leaving(keys)
    assert (found.ranges, found.names) == (ranges, names)
    assert found.total == sum(stop - start for start, stop in ranges) + len(names)
    assert found.as_dict() == {"ranges": [list(span) for span in ranges], "names": names}


@pytest.mark.parametrize("keys", [["a b"], [-1], [None], ["/"]])
def test_what_can_be_no_key_is_refused(keys: Any) -> None:
    with pytest.raises(BadAddress):
        leaving(keys)


def test_a_text_is_no_list_of_keys() -> None:
    with pytest.raises(TypeError, match="list"):
        leaving("abc")


def test_the_facts_of_a_removal_travel_by_name() -> None:
    removed = Removed("counter", 5, 1, 94, 0.25)
    assert Removed(**removed.as_dict()) == removed
