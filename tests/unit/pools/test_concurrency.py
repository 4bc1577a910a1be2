"""A worker has as many tasks as pay: those of idle workers are not held back, those of busy ones do not queue for long."""

from __future__ import annotations

from pools.concurrency import FLOOR, PERIOD_S, QUEUE_S, Concurrency


class Worker:
    """A worker that does `rate` tasks a second at most, each of which takes `least_s` at the least."""

    def __init__(self, rate: float, least_s: float, window: int = 4_096) -> None:
        self.rate = rate
        self.least_s = least_s
        self.now_s = 0.0
        self.limit = Concurrency(window, 0.0)

    def run(self, seconds: float) -> None:
        """Let time pass while as many tasks are under way as may be."""
        for _ in range(int(seconds / PERIOD_S)):
            self.now_s += PERIOD_S * 1.001
            rate = min(self.rate, self.limit.limit / self.least_s)
            self.limit.answered(max(int(rate * PERIOD_S), 1), max(self.limit.limit / rate, self.least_s))
            assert self.limit.is_due(self.now_s)
            self.limit.decide(rate / self.rate, self.now_s)


def test_small_tasks_have_the_whole_window() -> None:
    worker = Worker(rate=800_000, least_s=0.0001)
    worker.run(5)
    assert worker.limit.limit == 4_096


def test_tasks_that_wait_for_something_else_have_the_whole_window_while_the_worker_is_idle() -> None:
    worker = Worker(rate=10_000_000, least_s=60.0)
    worker.run(5)
    assert worker.limit.limit == 4_096


def test_a_busy_worker_has_what_it_works_off_in_the_time_that_may_be_waited() -> None:
    worker = Worker(rate=10_000, least_s=0.01)
    worker.limit.answered(1, 0.01)  # one alone shows the least time
    worker.run(4)
    assert 10_000 * 0.01 <= worker.limit.limit <= 10_000 * (0.01 + QUEUE_S) * 1.3


def test_a_limit_that_became_too_small_grows_again_once_the_worker_is_idle() -> None:
    worker = Worker(rate=1_000, least_s=0.001)
    worker.limit.answered(1, 0.001)
    worker.run(5)
    assert worker.limit.limit < 100
    worker.rate = 10_000_000.0
    worker.run(2)
    assert worker.limit.limit == 4_096


def test_a_queue_that_is_always_there_does_not_pass_for_the_least_time() -> None:
    worker = Worker(rate=10_000, least_s=0.01)
    worker.limit.answered(1, 0.01)
    seen = []
    for _ in range(60):
        worker.run(2)
        seen.append(worker.limit.limit)
    assert max(seen) <= 10_000 * (0.01 + QUEUE_S) * 1.3


def test_it_never_leaves_its_bounds() -> None:
    worker = Worker(rate=10, least_s=0.0001, window=50)
    worker.limit.answered(1, 0.0001)
    worker.run(4)
    assert worker.limit.limit == FLOOR
    assert Concurrency(4, 0.0).floor == 4
