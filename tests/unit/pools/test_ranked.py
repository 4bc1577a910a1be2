"""Higher priorities go first, each in its order, and the lowest one is never further away than the bound that is told."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools.ranked import CRITICAL, HIGH, LOW, NORMAL, TURN, Ranked

BOUND = TURN * 3


def test_higher_ones_go_first_and_equals_in_their_order() -> None:
    ranked: Ranked[str] = Ranked()
    for name, priority in (("n1", NORMAL), ("l1", LOW), ("c1", CRITICAL), ("n2", NORMAL), ("h1", HIGH), ("c2", CRITICAL)):
        ranked.put(name, priority)
    assert len(ranked) == 6
    assert list(ranked) == ["c1", "c2", "h1", "n1", "n2", "l1"]
    assert [ranked.take() for _ in range(6)] == ["c1", "c2", "h1", "n1", "n2", "l1"]
    assert not ranked
    with pytest.raises(IndexError):
        ranked.take()


def test_of_equal_priority_nobody_passes_anybody() -> None:
    ranked: Ranked[int] = Ranked()
    for at in range(100):
        ranked.put(at)
    assert [ranked.take() for _ in range(100)] == list(range(100))


def test_a_turn_at_which_nobody_could_go_is_still_to_come() -> None:
    """As where only one may go at a time: with each, what may not go is looked at in vain."""
    ranked: Ranked[int] = Ranked()
    ranked.put(LOW, LOW)
    taken = []
    while LOW not in taken:
        ranked.put(CRITICAL, CRITICAL)
        ranked.put(CRITICAL, CRITICAL)
        taken.append(ranked.take())
        vain = []
        while ranked:
            vain.append(ranked.take())
            ranked.pass_over()
        for thing in reversed(vain):
            ranked.put_back(thing, thing)
        assert len(taken) <= TURN


def test_a_flood_of_critical_ones_leaves_each_lower_priority_its_turn() -> None:
    ranked: Ranked[int] = Ranked()
    for priority in (LOW, NORMAL, HIGH):
        for _ in range(100):
            ranked.put(priority, priority)
    taken = []
    for _ in range(240):
        ranked.put(CRITICAL, CRITICAL)
        taken.append(ranked.take())
    lower = [priority for priority in taken if priority != CRITICAL]
    assert len(lower) == 240 // TURN
    assert [priority for priority, _ in groupby(lower)] == [LOW, NORMAL, HIGH] * 10


@given(st.lists(st.integers(LOW, CRITICAL), min_size=1, max_size=300), st.integers(LOW, CRITICAL), st.data())
def test_the_first_of_its_priority_is_taken_within_the_bound(before: list[int], own: int, data: st.DataObject) -> None:
    """Whatever was there, and whatever comes meanwhile."""
    ranked: Ranked[object] = Ranked()
    for priority in before:
        ranked.put(priority, priority)
    for _ in range(len(before)):
        if not any(thing == own for thing in ranked):
            break
        ranked.take()
    mine = object()
    while any(thing == own for thing in ranked):
        ranked.take()
    ranked.put(mine, own)
    for taken in range(1, BOUND + 1):
        for priority in data.draw(st.lists(st.integers(LOW, CRITICAL), max_size=3)):
            ranked.put(priority, priority)
        if ranked.take() is mine:
            assert taken <= BOUND
            return
    raise AssertionError(f"not taken within {BOUND}")


def test_things_are_put_back_removed_and_dropped() -> None:
    ranked: Ranked[str] = Ranked()
    for name in "abc":
        ranked.put(name, HIGH)
    taken = ranked.take()
    ranked.put_back(taken, HIGH)
    ranked.remove("b", HIGH)
    with pytest.raises(ValueError, match="not in"):
        ranked.remove("b", HIGH)
    assert ranked.drop() == ["a", "c"]
    assert not ranked
