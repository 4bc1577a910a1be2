"""What waits for a busy agent goes on by priority, in its order within one, and none waits for ever."""

from __future__ import annotations

import pytest

from pools.mailbox import Mailbox
from pools.ranked import CRITICAL, LOW


def filled(*priorities: int) -> Mailbox[int]:
    """Tasks that are numbered as they came."""
    mailbox: Mailbox[int] = Mailbox()
    for number, priority in enumerate(priorities):
        mailbox.put(number, priority)
    return mailbox


def drained(mailbox: Mailbox[int]) -> list[int]:
    return [mailbox.take() for _ in range(len(mailbox))]


def test_what_is_alike_goes_on_in_its_order() -> None:
    assert drained(filled(*[LOW] * 50)) == list(range(50))
    with pytest.raises(IndexError):
        Mailbox[int]().take()


def test_a_higher_one_goes_first_however_many_wait() -> None:
    mailbox = filled(*[LOW] * 1_000, CRITICAL)
    assert (len(mailbox), len(list(mailbox))) == (1_001, 1_001)
    assert mailbox.take() == 1_000
    assert drained(mailbox) == list(range(1_000))


def test_a_lower_one_is_taken_among_a_flood_of_higher_ones() -> None:
    assert 0 in drained(filled(LOW, *[CRITICAL] * 100))[:8]


@pytest.mark.parametrize("last", [LOW, CRITICAL])
def test_one_is_taken_out_wherever_it_waits_and_all_are_let_go(last: int) -> None:
    mailbox = filled(LOW, LOW, LOW, last)
    mailbox.remove(3, last)
    assert list(mailbox) == [0, 1, 2]
    mailbox.remove(1, LOW)
    with pytest.raises(ValueError, match="not in"):
        mailbox.remove(9, LOW)
    mailbox.clear()
    assert (len(mailbox), list(mailbox)) == (0, [])


def test_once_empty_it_is_a_plain_one_again() -> None:
    mailbox = filled(LOW, CRITICAL)
    drained(mailbox)
    for number in range(3):
        mailbox.put(number, CRITICAL)
    assert mailbox._ranked is None
    assert drained(mailbox) == [0, 1, 2]
