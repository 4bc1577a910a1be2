"""A way has room for a window full, and comes back to that in steps."""

from __future__ import annotations

import time

from engine.way import OFFERED, Way
from pools.link import Link


def test_a_way_that_was_narrow_is_as_wide_as_before_in_the_end() -> None:
    way = Way(Link(window=1, clock=time.monotonic, later=lambda _after_s, _function: None))
    assert way.most == OFFERED
    way.most = 1
    widths = []
    for _ in range(20):
        way.widen()
        widths.append(way.most)
    assert widths[:3] == [2, 4, 8]
    assert widths[-1] == OFFERED
