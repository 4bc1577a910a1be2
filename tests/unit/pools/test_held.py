"""Messages to one that is full wait in the order of sending, and are tried by few, then by more."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pools.held import FIRST_S, LONGEST_S, MOST, Held, Row

A, B = "a/1", "b/1"


def row(number: int, first: int | None = None) -> Row:
    return [number, "s/1", A, "add", None, None, 0, *([] if first is None else [first])]


def numbers(rows: list[Row]) -> list[int]:
    return [one[0] for one in rows]


def test_nothing_waits_until_something_was_refused_and_then_everything_behind_it() -> None:
    held = Held()
    assert not held.keeps(A, row(1))
    assert (held.due(A), held.take(A)) == (None, [])
    held.refused(A, row(1))
    assert held.keeps(A, row(2))
    assert not held.keeps(B, row(3))
    assert len(held) == 2


def test_they_are_tried_in_the_order_of_sending_also_under_another_number() -> None:
    held = Held()
    for one in (row(3), row(1)):
        held.refused(A, one)
    held.keeps(A, row(4))
    assert held.due(A) == FIRST_S
    (tried,) = held.take(A)
    assert tried[0] == 1
    held.refused(A, row(9, first=1))
    held.due(A)
    assert numbers(held.take(A)) == [9]


def test_each_try_that_is_taken_is_followed_at_once_by_one_of_twice_as_many() -> None:
    held = Held()
    held.refused(A, row(0))
    for number in range(1, 3_000):
        held.keeps(A, row(number))
    assert held.due(A) == FIRST_S
    seen, sizes = [], []
    while taken := held.take(A):
        assert held.due(A) is None  # not before all of it was answered
        for _ in taken:
            held.ended(A)
        seen += numbers(taken)
        sizes.append(len(taken))
        if held.due(A) is None:
            break
    assert seen == list(range(3_000))
    assert sizes[:5] == [1, 2, 4, 8, 16]
    assert max(sizes) == MOST
    assert not held.keeps(A, row(1))  # nothing waits any more


def test_a_receiver_that_stays_full_is_tried_less_and_less_by_one_at_a_time() -> None:
    held = Held()
    held.refused(A, row(1))
    pauses = []
    for _ in range(12):
        pause_s = held.due(A)
        assert pause_s is not None
        assert held.due(A) is None  # it is planned
        pauses.append(pause_s)
        (tried,) = held.take(A)
        held.refused(A, tried)
    assert pauses[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert pauses[-1] == LONGEST_S


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 7))
def test_whatever_a_receiver_takes_each_message_is_tried_until_it_is_taken_once(seed: int, count: int, room: int) -> None:
    chance = Random(seed)
    held = Held()
    taken: list[int] = []
    under_way = [row(number) for number in range(count // 2)]
    fresh = [row(number) for number in range(count // 2, count)]
    number = count
    for _ in range(10_000):
        if under_way:
            one = under_way.pop(0)
            if chance.randrange(8) < room:
                taken.append(one[7] if len(one) > 7 else one[0])
                held.ended(A)
            else:
                held.refused(A, one)
        elif fresh and chance.random() < 0.5:
            one = fresh.pop(0)
            if not held.keeps(A, one):
                under_way.append(one)
        if held.due(A) is not None:
            for one in held.take(A):
                number += 1
                under_way.append([number, *one[1:7], one[7] if len(one) > 7 else one[0]])
        if len(taken) == count:
            break
    assert sorted(taken) == list(range(count))
    assert len(held) == 0
