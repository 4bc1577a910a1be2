"""Of a round the tasks of the slow pool are told apart from the rest; an error is raised, not counted."""

from __future__ import annotations

import pytest

from bench import slowpool
from bench.figures import percentile
from bench.pacer import Sent
from bench.workload import Size


def sent(number: int, seconds: float) -> Sent:
    return 10.0, 10.0 + seconds, number


async def test_a_round_compares_the_rest_with_itself_where_no_pool_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    even = [sent(number, 0.010) for number in range(50)] * 20
    slow = [sent(3, 0.2)] * 10 + [sent(number, 0.012) for number in range(10, 50)] * 20

    async def measured(below: int, seconds: float) -> list[Sent]:
        assert seconds == slowpool.QUICK_SECONDS
        return slow if below else even

    monkeypatch.setattr(slowpool, "_measure", measured)
    (found,) = [each async for each in slowpool.rounds(Size(1, is_quick=True))]
    assert set(found) == {metric.name for metric in slowpool.WORKLOAD.metrics}
    rest, all_, share = found["p99_of_the_rest"], found["p99_of_all"], found["to_the_slow_pool"]
    assert (rest.value, rest.raw, rest.n) == (pytest.approx(12.0, abs=0.01), pytest.approx(10.0, abs=0.01), 800)
    assert all_.value == pytest.approx(200.0, abs=0.01)
    assert (share.value, share.raw) == (10 / 810, 0.2)


def test_the_tail_is_that_of_the_slowest_hundredth_from_when_each_was_due() -> None:
    mixed = [sent(1, 0.001)] * 98 + [sent(1, 0.5)] * 2
    assert slowpool._p99_ms(mixed) == pytest.approx(500.0, abs=0.01)
    assert percentile([1] * 99 + [9], 0.99) == 1


def test_a_task_that_failed_ends_the_measurement() -> None:
    with pytest.raises(OSError, match="gone"):
        slowpool._number((0.0, 1.0, OSError("gone")))


async def test_one_pool_is_slow_for_real_and_gets_less_than_its_share() -> None:
    measured = await slowpool._measure(slowpool.AGENTS, 1.0)
    seconds = {
        is_slow: [end_s - due_s for due_s, end_s, number in measured if (number < 10) is is_slow] for is_slow in (True, False)
    }
    assert all(each >= slowpool.SLOW_S for each in seconds[True])
    assert min(seconds[False]) < slowpool.SLOW_S
    assert len(seconds[True]) < len(measured) / slowpool.POOLS / 2
