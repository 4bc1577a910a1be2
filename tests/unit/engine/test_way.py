"""A way has room for a window full, and comes back to that in steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from engine.options import Options
from engine.task import Task
from engine.way import OFFERED, Way
from pools.errors import Failure
from pools.lane import FREE
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


def task(**options: Any) -> Task:
    """A task that is to be run so."""
    return Task(7, None, "counter/1", "get", None, 0.0, options=Options(**options))


def test_tasks_of_one_kind_share_a_lane_with_those_of_their_priority_that_are_counted_as_they_are() -> None:
    link = Link(window=1, clock=time.monotonic, later=lambda _after_s, _function: None)
    way, sink = Way(link), Sink()
    plain = way.lane("counter", task(), sink, "00" * 8)
    counted = way.lane("counter", task(count_effects=True), sink, "00" * 8)
    high = way.lane("counter", task(count_effects=True, priority="high"), sink, None)
    assert way.lane("counter", task(retries=3), sink, "00" * 8) is plain
    assert len({plain, counted, high, way.lane("other", task(), sink, None)}) == len(way.lanes) == 4
    assert (plain.rank, counted.rank, high.rank) == ({}, {"fx": 1}, {"pr": 2, "fx": 1})
    assert (plain.session, high.session, plain.manner) == ("00" * 8, None, FREE)
    assert plain.ids([task()]) == [7]


class Sink:
    """Takes no answers: none come."""

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take answers."""
        raise AssertionError((tokens, results, failures))
