"""What waits for a busy agent goes on by priority, in its order within one, and none waits for ever."""

from __future__ import annotations

import pytest

from pools.job import Job, Waiting
from pools.mailbox import Mailbox
from pools.ranked import CRITICAL, LOW, NORMAL
from tests.support.rigs import Answers


def waiting(position: int, priority: int = NORMAL) -> Waiting:
    job = Job(1, None, [0], iter(()), Answers())
    job.priority = priority
    return Waiting(job, position, None, None)


def filled(*priorities: int) -> Mailbox:
    mailbox = Mailbox()
    for position, priority in enumerate(priorities):
        mailbox.put(waiting(position, priority))
    return mailbox


def drained(mailbox: Mailbox) -> list[int]:
    return [mailbox.take().position for _ in range(len(mailbox))]


def test_what_is_alike_goes_on_in_its_order() -> None:
    assert drained(filled(*[LOW] * 50)) == list(range(50))
    with pytest.raises(IndexError):
        Mailbox().take()


def test_a_higher_one_goes_first_however_many_wait() -> None:
    mailbox = filled(*[LOW] * 1_000, CRITICAL)
    assert (len(mailbox), len(list(mailbox))) == (1_001, 1_001)
    assert mailbox.take().position == 1_000
    assert drained(mailbox) == list(range(1_000))


def test_a_lower_one_is_taken_among_a_flood_of_higher_ones() -> None:
    assert 0 in drained(filled(LOW, *[CRITICAL] * 100))[:8]


def test_one_is_taken_out_wherever_it_waits_and_all_are_let_go() -> None:
    for last in (LOW, CRITICAL):
        mailbox = filled(LOW, LOW, LOW, last)
        mailbox.remove(list(mailbox)[-1])
        assert len(mailbox) == 3
        with pytest.raises(ValueError, match="not in"):
            mailbox.remove(waiting(9))
        mailbox.clear()
        assert (len(mailbox), list(mailbox)) == (0, [])


def test_once_empty_it_is_a_plain_one_again() -> None:
    mailbox = filled(LOW, CRITICAL)
    drained(mailbox)
    for position in range(3):
        mailbox.put(waiting(position, CRITICAL))
    assert drained(mailbox) == [0, 1, 2]
