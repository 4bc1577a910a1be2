"""A circle is found wherever it is, and nothing else is taken for one."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sprints.circle import find_circle

NAMES = [f"t{at}" for at in range(7)]


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)))
def test_a_circle_is_found_if_and_only_if_there_is_one(after: dict[str, list[str]]) -> None:
    found = find_circle(after)
    if found:
        assert found[0] == found[-1]
        assert all(other in after[one] for one, other in itertools.pairwise(found))
        return
    left = dict(after)
    while left:  # without one there is always somebody who waits for nobody who is left
        free = [name for name, others in left.items() if not any(other in left for other in others)]
        assert free
        for name in free:
            del left[name]


def test_who_waits_for_itself_is_a_circle_and_a_rhombus_is_none() -> None:
    assert find_circle({"a": ["a"]}) == ["a", "a"]
    assert find_circle({"a": ["b", "c"], "b": ["d"], "c": ["d"]}) == []


def test_a_chain_may_be_long() -> None:
    after = {f"t{at}": [f"t{at + 1}"] for at in range(100_000)}
    assert find_circle(after) == []
    after["t100000"] = ["t99999"]
    assert find_circle(after) == ["t99999", "t100000", "t99999"]
