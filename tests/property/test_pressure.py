"""Whatever comes in whatever order: a bucket gives no more than it may, a limit stays in its bounds, a gate counts right."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pools.bucket import Bucket
from pools.concurrency import FLOOR, Concurrency
from pools.drain import Drain
from pools.quota import Quota, Quotas
from pools.ranked import PRIORITIES
from tests.unit.pools.test_valve import Setup

TAKES = st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(1, 200)), max_size=100)


@given(rate=st.floats(0.1, 1_000.0), burst=st.integers(1, 100), takes=TAKES)
def test_a_bucket_gives_no_more_within_any_time_than_its_rate_and_a_burst(
    rate: float, burst: int, takes: list[tuple[float, int]]
) -> None:
    bucket, now_s = Bucket(rate, burst, 0.0), 0.0
    given_: list[tuple[float, int]] = []
    for passed_s, count in takes:
        now_s += passed_s
        taken = bucket.take(count, now_s)
        assert 0 <= taken <= count
        given_.append((now_s, taken))
        if taken < count:
            assert bucket.wait_s(1, now_s) > 0
    for first, (began_s, _) in enumerate(given_):
        total = 0
        for at_s, taken in given_[first:]:
            total += taken
            assert total <= rate * (at_s - began_s) + burst + 1e-6


@given(
    window=st.integers(1, 5_000),
    looks=st.lists(st.tuples(st.integers(0, 10_000), st.floats(0.0, 60.0), st.floats(-1.0, 2.0)), max_size=200),
)
def test_a_limit_stays_between_its_floor_and_its_window(window: int, looks: list[tuple[int, float, float]]) -> None:
    limit, now_s = Concurrency(window, 0.0), 0.0
    for count, seconds, busy in looks:
        now_s += 0.1
        if count:
            limit.answered(count, seconds)
        assert min(FLOOR, window) <= limit.decide(busy, now_s) <= window


@given(st.lists(st.tuples(st.integers(1, 1_000), st.integers(0, 10), st.floats(0.0, 20.0)), max_size=100))
def test_a_rate_is_never_negative_and_a_wait_never_endless(looks: list[tuple[int, int, float]]) -> None:
    drain, now_s = Drain(), 0.0
    for count, waiting, passed_s in looks:
        now_s += passed_s
        drain.left(count, waiting, now_s)
        rate = drain.rate(now_s)
        assert rate is None or rate > 0


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.integers(0, 3), st.integers(1, 40)),
        st.tuples(st.just("due"), st.integers(0, 3), st.integers(1, 40)),
        st.tuples(st.just("pass"), st.integers(0, 0), st.integers(1, 100)),
        st.tuples(st.just("answer"), st.integers(0, 1), st.integers(0, 0)),
        st.tuples(st.just("cancel"), st.integers(0, 0), st.integers(1, 5)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(acts=ACTS, concurrency=st.integers(1, 30), open_=st.integers(10, 200))
def test_each_task_has_one_end_and_no_more_run_than_may(acts: list[tuple[str, int, int]], concurrency: int, open_: int) -> None:
    quota = Quota(concurrency=concurrency, open=open_, rate=200.0, burst=100)
    setup = Setup(Quotas(kinds={"a": quota}), window=20, links=2)
    plain = [setup.lane(priority=priority, at=priority % 2) for priority in range(len(PRIORITIES))]
    timely = [setup.due_lane(priority) for priority in range(len(PRIORITIES))]
    for act, which, count in acts:
        if act == "offer":
            setup.offer(plain[which], count)
        elif act == "due":
            setup.offer(timely[which], count, time_s=count / 100)
        elif act == "pass":
            setup.clock.pass_s(count / 1_000)
        elif act == "answer":
            setup.answer(which)
        else:
            for link in setup.links:
                link.cancel_where(setup.sink, lambda token, count=count: token % count == 0)
        flying = sum(link.open for link in setup.links)
        assert flying == setup.gates.kinds["a"].flying <= concurrency
        assert len(setup.sink.answers) + flying + sum(link.waiting for link in setup.links) == setup.token
    for _ in range(300):
        setup.answer(0)
        setup.answer(1)
        setup.clock.pass_s(0.1)
    assert len(setup.sink.answers) == setup.token
