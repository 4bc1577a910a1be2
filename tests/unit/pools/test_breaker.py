"""A breaker opens for a reason, probes, and closes again; an operator has the last word."""

from __future__ import annotations

from random import Random

import pytest

from pools.breaker import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerSpec


def breaker(**facts: object) -> Breaker:
    return Breaker(BreakerSpec(**facts), Random(1))  # type: ignore[arg-type]


def fail(one: Breaker, times: int, now_s: float = 0.0) -> None:
    for _ in range(times):
        one.record(one.opening, 0, 1, 0, now_s)


def test_five_failures_in_a_row_open_it_and_four_do_not() -> None:
    one = breaker()
    fail(one, 4)
    assert one.state(0) == CLOSED
    fail(one, 1)
    assert one.state(0) == OPEN
    assert one.admit(0) is None
    assert "one after the other" in one.why


def test_a_call_that_goes_well_ends_a_row() -> None:
    one = breaker(failure_rate=1.0)
    for _ in range(4):
        fail(one, 4)
        one.record(one.opening, 1, 0, 0, 0)
    assert one.state(0) == CLOSED


def test_of_a_record_with_calls_that_went_well_no_row_is_concluded() -> None:
    one = breaker()
    one.record(one.opening, 994, 6, 0, 0)
    assert one.state(0) == CLOSED


@pytest.mark.parametrize(("ok", "failed", "state"), [(10, 10, OPEN), (11, 9, CLOSED), (9, 10, CLOSED)])
def test_half_of_twenty_calls_open_it(ok: int, failed: int, state: str) -> None:
    """Below the least number of calls a share says nothing."""
    one = breaker()
    one.record(one.opening, ok, failed, 0, 0)
    assert one.state(0) == state


@pytest.mark.parametrize(("slow", "state"), [(16, OPEN), (15, CLOSED)])
def test_calls_that_are_slow_open_it_too(slow: int, state: str) -> None:
    one = breaker()
    one.record(one.opening, 20, 0, slow, 0)
    assert one.state(0) == state


def test_what_was_seen_leaves_the_window_with_time() -> None:
    one = breaker()
    one.record(one.opening, 10, 9, 0, 0)
    one.record(one.opening, 10, 9, 0, 10.5)
    assert one.facts(10.5)["calls"] == 19
    assert one.facts(30)["calls"] == 0


def test_a_window_by_count_knows_the_newest_calls_only() -> None:
    one = breaker(window_calls=50, in_a_row=1_000, failure_rate=0.9)
    for _ in range(44):
        one.record(one.opening, 0, 1, 0, 0)
        one.record(one.opening, 1, 0, 0, 0)
    assert one.facts(0)["calls"] == 50
    for _ in range(45):
        one.record(one.opening, 0, 1, 0, 1_000_000)
    assert one.state(1_000_000) == OPEN


def test_half_open_it_admits_its_probes_and_not_one_more() -> None:
    one = breaker()
    fail(one, 5)
    assert one.admit(0.7) is None
    permit = one.admit(1.3, 2)
    assert permit is not None
    assert permit.count == 2
    assert one.state(1.3) == HALF_OPEN
    last = one.admit(1.3, 100)
    assert last is not None
    assert last.count == 1
    assert one.admit(1.3) is None
    one.record(permit.opening, 2, 0, 0, 1.4)
    assert one.admit(1.4) is None
    assert one.record(last.opening, 1, 0, 0, 1.4)
    assert one.state(1.4) == CLOSED


@pytest.mark.parametrize("slow", [0, 1])
def test_a_probe_that_fails_or_is_slow_opens_it_for_longer(slow: int) -> None:
    one = breaker()
    fail(one, 5)
    permit = one.admit(1.3)
    assert permit is not None
    one.record(permit.opening, slow, 1 - slow, slow, 1.3)
    assert one.state(1.3 + 1.2) == OPEN
    assert one.state(1.3 + 2.5) == HALF_OPEN


def test_late_results_of_an_earlier_opening_are_ignored() -> None:
    one = breaker()
    before = one.opening
    fail(one, 5)
    permit = one.admit(1.3, 3)
    assert permit is not None
    assert not one.record(before, 0, 1_000, 0, 1.3)
    assert one.state(1.3) == HALF_OPEN
    one.record(permit.opening, 3, 0, 0, 1.3)
    assert not one.record(before, 0, 1_000, 0, 1.3)
    assert one.state(1.3) == CLOSED


def test_probes_that_never_come_back_are_given_up() -> None:
    one = breaker()
    fail(one, 5)
    assert one.admit(1.3, 3) is not None
    assert one.state(31.2) == HALF_OPEN
    assert one.state(31.4) == OPEN
    permit = one.admit(33, 3)
    assert permit is not None
    one.record(permit.opening, 3, 0, 0, 33)
    assert one.state(33) == CLOSED


def test_a_probe_that_was_not_sent_leaves_its_place_to_another() -> None:
    one = breaker(probes=1)
    fail(one, 5)
    permit = one.admit(1.3)
    assert permit is not None
    one.give_back(permit, 1)
    assert one.admit(1.3) is not None
    assert one.admit(1.3) is None


def test_held_open_it_admits_nobody_and_held_closed_everybody() -> None:
    one = breaker()
    one.force(OPEN)
    assert one.admit(1_000_000) is None
    assert one.retry_after_s(0) == 60
    one.force(CLOSED)
    fail(one, 1_000)
    assert one.admit(0) is not None
    assert one.facts(0)["failed"] == 1_000
    one.force(None)
    assert one.facts(0) == breaker().facts(0)
    fail(one, 5)
    assert one.state(0) == OPEN


def test_switched_off_it_counts_and_opens_never() -> None:
    one = breaker(is_on=False)
    fail(one, 100)
    assert one.state(0) == CLOSED
    assert one.facts(0)["failed"] == 100


def test_it_says_after_how_long_it_may_admit() -> None:
    one = breaker()
    assert one.retry_after_s(0) == 0
    fail(one, 5)
    assert 0.8 <= one.retry_after_s(0) <= 1.2
    one.admit(1.3, 3)
    assert one.retry_after_s(1.3) == 1


def test_what_can_be_avoided_does_not_open_it_while_some_calls_go_well() -> None:
    breaker = Breaker(BreakerSpec(), Random(1))
    for _ in range(50):
        breaker.record(0, 1, 0, 0, 1.0, lambda: True)
        breaker.record(0, 0, 3, 0, 1.0, lambda: True)
    assert breaker.state(1.0) == CLOSED
    breaker.record(0, 1, 3, 0, 1.0, lambda: False)
    assert breaker.state(1.0) == OPEN


def test_where_all_of_the_newer_half_has_failed_nobody_is_asked() -> None:
    breaker = Breaker(BreakerSpec(), Random(1))
    breaker.record(0, 15, 0, 0, 1.0, lambda: True)
    for _ in range(19):
        breaker.record(0, 0, 1, 0, 1.0, lambda: True)
    assert breaker.state(1.0) == CLOSED
    breaker.record(0, 0, 1, 0, 1.0, lambda: True)
    assert breaker.state(1.0) == OPEN


def test_of_a_burst_it_is_time_that_says_that_nothing_works_any_more() -> None:
    breaker = Breaker(BreakerSpec(), Random(1))
    breaker.record(0, 300, 0, 0, 1.0, lambda: True)
    breaker.record(0, 0, 900, 0, 1.9, lambda: True)
    assert breaker.state(1.9) == CLOSED
    breaker.record(0, 0, 1, 0, 2.0, lambda: True)
    assert breaker.state(2.0) == OPEN


def test_where_nothing_went_well_nobody_is_asked() -> None:
    breaker = Breaker(BreakerSpec(), Random(1))
    breaker.record(0, 0, 5, 0, 1.0, lambda: True)
    assert breaker.state(1.0) == OPEN


def test_slow_calls_have_no_excuse() -> None:
    breaker = Breaker(BreakerSpec(), Random(1))
    breaker.record(0, 10, 10, 20, 1.0, lambda: True)
    assert breaker.state(1.0) == OPEN


@pytest.mark.parametrize(("well", "state"), [(1, CLOSED), (0, OPEN)])
def test_one_probe_of_all_is_enough_where_what_fails_can_be_avoided(well: int, state: str) -> None:
    breaker = Breaker(BreakerSpec(jitter=0.0), Random(1))
    breaker.record(0, 0, 5, 0, 1.0)
    assert breaker.admit(2.5, 3) is not None
    for ok in [1] * well + [0] * (3 - well):
        breaker.record(breaker.opening, ok, 1 - ok, 0, 2.5, lambda: True)
    assert breaker.state(2.5) == state
