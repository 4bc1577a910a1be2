"""A number is given once, says when, and is below the mark once nothing is sent under it."""

from __future__ import annotations

from checkpoints.stamp import stamp
from pools.numbers import Numbers
from tests.support.clocks import Clock
from tests.support.disks import SimDisk
from tests.support.kept import Desk

NOW_S = 1_800_000_000


def test_numbers_grow_with_the_time_and_also_when_the_clock_stands_or_goes_back() -> None:
    desk, clock = Desk(), Clock(NOW_S * 10**9)
    numbers = Numbers(desk.ledger, clock.s)
    first = [numbers.next() for _ in range(3)]
    assert first == [(stamp(NOW_S) << 10) + more for more in (1, 2, 3)]
    clock.pass_s(5)
    assert numbers.next() >> 10 == stamp(NOW_S + 5)
    clock.pass_s(-500)
    assert numbers.next() > first[-1]
    desk.close()


def test_no_number_is_given_again_after_a_death_though_the_clock_went_back() -> None:
    disk, clock = SimDisk(), Clock(NOW_S * 10**9)
    desk = Desk(disk)
    told, asked = (Numbers(desk.ledger, clock.s).next() + more for more in (0, 50))
    desk.ledger.told(told, [[told, "s/1", "a/1", "add", None, None, 0]])
    desk.ledger.recall.stepped("00-1", 0, ["a/1", "add"], asked)
    desk.settle()
    desk.kill()
    desk = Desk(disk)
    clock.pass_s(-1_000)
    numbers = Numbers(desk.ledger, clock.s)
    assert numbers.next() == asked + 1
    assert numbers.mark == told >> 10
    desk.close()


def test_the_mark_is_the_lowest_number_that_may_be_sent_again() -> None:
    desk = Desk()
    numbers = Numbers(desk.ledger, lambda: 0.0)
    given = [numbers.next() for _ in range(5_000)]
    assert numbers.mark == (given[-1] + 1) >> 10
    for number in given[:3_000]:
        numbers.open(number)
    assert numbers.mark == given[0] >> 10 == 0
    for number in given[:2_000]:
        numbers.close(number)
    assert numbers.mark == given[2_000] >> 10 == 1
    desk.ledger.recall.stepped("00-1", 0, ["a/1", "add"], given[0])  # a question that a replay would ask again
    assert numbers.mark == 0
    desk.ledger.recall.ended("00-1")
    assert numbers.mark == 1
    desk.close()


def test_a_timer_holds_no_mark_since_it_never_leaves_the_worker() -> None:
    disk = SimDisk()
    desk = Desk(disk)
    desk.ledger.told(5_000, [[7, "s/1", "s/1", "wake", None, 99.0, 9.0], [5_000, "s/1", "a/1", "add", None, None, 0]])
    desk.settle()
    desk.kill()
    desk = Desk(disk)
    assert Numbers(desk.ledger, lambda: 0.0).mark == 5_000 >> 10
    desk.close()
