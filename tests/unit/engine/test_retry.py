"""A task is tried again as often as it asked for, later each time, and never where that cannot help."""

from __future__ import annotations

from random import Random

import pytest

from engine.options import Options
from engine.retry import BACKOFF_MOST_S, backoff_s, retry_s
from pools.errors import Failure

BROKEN = Failure("ValueError", "as told")


def test_as_often_as_it_asked_for_and_not_once_more() -> None:
    options = Options(retries=2)
    assert [retry_s(options, tries, BROKEN, Random(1)) is not None for tries in range(4)] == [True, True, False, False]
    assert retry_s(Options(), 0, BROKEN, Random(1)) is None


@pytest.mark.parametrize("name", ["BadArgument", "UnknownAgent", "UnknownMethod", "TaskCancelled", "TooOld", "StepMismatch"])
def test_what_another_attempt_would_meet_as_well_is_not_tried_again_unless_it_is_named(name: str) -> None:
    assert retry_s(Options(retries=2), 0, Failure(name, ""), Random(1)) is None
    assert retry_s(Options(retries=2, retry_on=(name,)), 0, Failure(name, ""), Random(1)) is not None


def test_only_what_is_named_is_tried_again_where_something_is() -> None:
    options = Options(retries=2, retry_on=("KeyError",))
    assert retry_s(options, 0, BROKEN, Random(1)) is None
    assert retry_s(options, 0, Failure("KeyError", ""), Random(1)) is not None


def test_waits_double_up_to_a_cap_and_differ_by_chance() -> None:
    chance = Random(7)
    for tries in range(60):
        waits = [backoff_s(0.1, tries, chance) for _ in range(50)]
        most_s = min(0.1 * 2.0**tries, BACKOFF_MOST_S)
        assert most_s / 2 <= min(waits) < max(waits) <= most_s
    assert backoff_s(100.0, 5, chance) >= 50.0


def test_who_says_when_to_come_back_is_heeded() -> None:
    wait_s = retry_s(Options(retries=1), 0, Failure("CircuitOpen", "", 30.0), Random(1))
    assert wait_s == 30.0
