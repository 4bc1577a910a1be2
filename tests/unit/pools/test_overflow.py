"""Past the limit the newest of the lowest priority are refused, and nothing else."""

from __future__ import annotations

from pools.lane import Lane
from pools.link import Link
from pools.overflow import refuse_overflow
from pools.ranked import HIGH, LOW, Ranked
from tests.support.clocks import Clock
from tests.support.wires import Sink, fill


def queue_of(sink: Sink, *lanes: tuple[int, int]) -> Ranked[Lane]:
    """Lanes of a priority with so many tasks, whose tokens are numbered through."""
    clock, queue, number = Clock(), Ranked[Lane](), 0
    link = Link(window=10, clock=clock.s, later=clock.later)
    for priority, count in lanes:
        lane = Lane(link, "counter", sink)
        lane.priority = priority
        fill(lane, *((number + at, 0, "get", None) for at in range(count)))
        number += count
        queue.put(lane, priority)
    return queue


def test_the_lowest_meet_it_first_and_of_them_the_newest_of_the_longest_lane() -> None:
    sink = Sink()
    queue = queue_of(sink, (HIGH, 5), (LOW, 2), (LOW, 4))
    told: list[int] = []
    refuse_overflow(queue, 8, lambda _lane, count: told.append(count) or 0.5)
    assert sorted(sink.answers) == [8, 9, 10]
    assert {(failure.type, failure.retry_after_s) for failure in sink.answers.values()} == {("PoolFull", 0.5)}
    assert told == [3]
    refuse_overflow(queue, 3, None)
    assert sorted(sink.answers) == [3, 4, 5, 6, 7, 8, 9, 10]


def test_what_is_within_the_limit_stays() -> None:
    sink = Sink()
    queue = queue_of(sink, (LOW, 4))
    refuse_overflow(queue, 4, None)
    assert not sink.answers
    assert sum(map(len, queue)) == 4
