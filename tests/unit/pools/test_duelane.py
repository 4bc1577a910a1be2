"""Tasks with a time leave in time or not at all."""

from __future__ import annotations

import pytest

from pools.duelane import SHUT_MOST_S, SHUT_S, SHUT_SHARE, WARY_S, DueLane
from pools.link import Link
from tests.support.clocks import Clock
from tests.support.wires import Sink


class Setup:
    """A lane, filled by hand."""

    def __init__(self, *times_s: float) -> None:
        self.clock = Clock()
        self.sink = Sink()
        self.lane = DueLane(Link(window=10, clock=self.clock.s, later=self.clock.later), "counter", self.sink, self.clock.s)
        for number, time_s in enumerate(times_s):
            self.lane.rows.extend((number, number, "add", None))
            self.lane.dues.append(self.clock.s() + time_s)

    @property
    def tokens(self) -> list[int]:
        assert len(self.lane.rows) == 4 * len(self.lane.dues)
        return self.lane.rows[::4]


def test_what_is_taken_is_in_time_and_the_rest_is_told() -> None:
    setup = Setup(1.0, 0.1, 2.0, 0.2)
    late: list[int] = []
    setup.lane.on_late = late.append
    setup.clock.pass_s(0.5)
    tokens, keys, *_ = setup.lane.cut(1)
    assert (list(tokens), list(keys), setup.tokens) == ([0], [0], [2])
    assert setup.sink.failed_with("TaskExpired") == {1, 3}
    assert late == [2]


def test_what_could_not_end_in_time_any_more_is_not_sent() -> None:
    setup = Setup(1.0, 3.0)
    setup.lane.usual_s = 1.0
    assert list(setup.lane.cut(2)[0]) == [1]
    assert setup.sink.failed_with("TaskExpired") == {0}


def test_the_newest_leave_and_those_that_are_meant() -> None:
    setup = Setup(1.0, 2.0, 3.0, 4.0)
    assert setup.lane.drop(1) == [3]
    assert setup.lane.drop_where(lambda token: token in (0, 2)) == [0, 2]
    assert setup.lane.drop_where(lambda _token: False) == []
    assert setup.tokens == [1]
    assert setup.lane.dues == [setup.clock.s() + 2.0]


def test_those_that_would_wait_too_long_are_refused_and_the_others_wait() -> None:
    setup = Setup(0.1, 10.0, 0.2, 10.0)
    assert setup.lane.shed(ahead=100, rate=100.0, now_s=setup.clock.s()) == 2
    assert setup.tokens == [1, 3]
    assert setup.sink.failed_with("Overloaded") == {0, 2}
    retries = [setup.sink.answers[token].retry_after_s for token in (0, 2)]
    assert all(retry is not None and 0.8 < retry <= 1.0 for retry in retries)


def test_only_what_is_new_is_looked_at() -> None:
    setup = Setup(0.1, 0.1)
    setup.lane.passed = 1
    assert setup.lane.shed(ahead=100, rate=100.0, now_s=setup.clock.s()) == 1
    assert (setup.tokens, setup.lane.passed) == ([0], 1)


def test_where_nothing_is_known_everything_may_be_in_time() -> None:
    setup = Setup(0.001)
    assert setup.lane.shed(ahead=10**6, rate=None, now_s=setup.clock.s()) == 0


def test_after_a_refusal_it_is_shut_for_a_moment_to_those_that_have_no_more_time() -> None:
    setup = Setup(0.1)
    now_s = setup.clock.s()
    assert not setup.lane.is_shut(0.1, now_s)
    setup.lane.shed(ahead=100, rate=100.0, now_s=now_s)
    assert setup.lane.is_shut(0.1, now_s)
    assert not setup.lane.is_shut(1.0, now_s)
    assert setup.lane.is_shut(0.1, now_s + 0.99 * SHUT_SHARE * 0.1)
    assert not setup.lane.is_shut(0.1, now_s + 1.01 * SHUT_SHARE * 0.1)
    assert setup.lane.is_wary(now_s + SHUT_SHARE * 0.1)
    assert not setup.lane.is_wary(now_s + 1.01 * (SHUT_SHARE * 0.1 + WARY_S))


@pytest.mark.parametrize(("due_s", "shut_s"), [(0.01, SHUT_S), (0.2, 0.2 * SHUT_SHARE), (100.0, SHUT_MOST_S)])
def test_it_is_shut_for_a_part_of_the_time_that_tasks_have_within_limits(due_s: float, shut_s: float) -> None:
    setup = Setup(due_s)
    now_s = setup.clock.s()
    setup.lane.shed(ahead=10**9, rate=100.0, now_s=now_s)
    assert setup.lane.is_shut(due_s, now_s + 0.99 * shut_s)
    assert not setup.lane.is_shut(due_s, now_s + 1.01 * shut_s)


def test_a_section_says_for_how_many_seconds_each_of_its_tasks_is_of_use() -> None:
    setup = Setup(1.0, 0.1, 2.0)
    setup.lane.rows[3] = float("nan")  # cannot be sent, and is answered
    setup.clock.pass_s(0.05)
    tokens, *_ = setup.lane.take(3)
    assert setup.sink.failed_with("BadArgument") == {0}
    assert list(tokens) == [1, 2]
    assert setup.lane.manners(tokens) == {"d": [0.05, 1.95]}
