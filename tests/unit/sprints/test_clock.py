"""The time of a sprint goes so many times as fast as the machine's, from the moment at which it was begun."""

from __future__ import annotations

import inspect
import math
import time

import pytest

from sprints.clock import FASTEST, Clock
from sprints.errors import BadBacklog


def test_time_goes_so_many_times_as_fast() -> None:
    now = [100.0]
    clock = Clock(60.0, lambda: now[0])
    assert clock.now_s() == 0.0
    assert clock.until_s(900.0) == 15.0
    now[0] += 10.0
    assert clock.now_s() == 600.0
    assert clock.until_s(900.0) == 5.0
    assert clock.until_s(60.0) == 0.0


@pytest.mark.parametrize("speed", [0.0, -1.0, math.inf, math.nan, FASTEST * 2, "x", True, None])
def test_a_speed_that_cannot_be_is_refused(speed: float) -> None:
    with pytest.raises(BadBacklog, match="speed"):
        Clock(speed)


def test_unless_another_is_given_it_is_the_clock_that_nobody_sets() -> None:
    assert inspect.signature(Clock).parameters["monotonic"].default is time.monotonic
