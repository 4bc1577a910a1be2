"""A valve lets through what its worker can do, of each kind something, and says what may not wait."""

from __future__ import annotations

from typing import Any

from pools.duelane import DueLane
from pools.errors import WorkerDied
from pools.gates import Gates
from pools.lane import PACED, Lane
from pools.link import HOLD_S, Link
from pools.quota import Quota, Quotas
from pools.ranked import CRITICAL, HIGH, LOW, NORMAL
from pools.valve import Valve
from tests.support.clocks import Clock
from tests.support.wires import Sink, Wire, reply


class Setup:
    """Some links of one engine, each with a wire; time by hand."""

    def __init__(self, quotas: Quotas | None = None, *, window: int = 100, links: int = 1, is_kept: bool = False) -> None:
        self.clock = Clock()
        self.events: list[Any] = []
        self.gates = Gates(quotas or Quotas(), self.events.append, now_s=self.clock.s())
        self.valves = [Valve(window, self.gates, clock=self.clock.s) for _ in range(links)]
        common: Any = {"window": window, "clock": self.clock.s, "later": self.clock.later, "is_kept": is_kept}
        self.links = [Link(valve=valve, **common) for valve in self.valves]
        self.wires = [Wire() for _ in range(links)]
        for link, wire in zip(self.links, self.wires, strict=True):
            link.attach(wire)
        self.sink = Sink()
        self.token = 0

    def lane(self, kind: str = "a", priority: int = NORMAL, at: int = 0) -> Lane:
        lane = Lane(self.links[at], kind, self.sink)
        lane.priority = priority
        return lane

    def due_lane(self, priority: int = NORMAL) -> DueLane:
        lane = DueLane(self.links[0], "a", self.sink, self.clock.s)
        lane.priority = priority
        return lane

    def offer(self, lane: Lane, count: int, time_s: float | None = None) -> None:
        for _ in range(count):
            lane.rows.extend((self.token, self.token, "add", None))
            if isinstance(lane, DueLane) and time_s is not None:
                lane.dues.append(self.clock.s() + time_s)
            self.token += 1
        link = lane.link
        assert isinstance(link, Link)
        link.offer([lane])

    def answer(self, at: int = 0) -> int:
        """Answer everything that is out on one link; returns how many."""
        flights = list(self.links[at].flights.values())
        self.links[at].take([reply(flight.section) for flight in flights])
        return sum(len(flight.tokens) for flight in flights)


def test_the_limit_of_a_kind_holds_over_all_workers_and_room_is_told() -> None:
    setup = Setup(Quotas(kinds={"a": Quota(concurrency=10)}), links=2)
    first, second = setup.lane(), setup.lane(at=1)
    setup.offer(first, 20)
    setup.offer(second, 20)
    assert [link.open for link in setup.links] == [9, 0], "the tenth is for critical tasks"
    assert setup.answer(0) == 9
    assert sum(link.open for link in setup.links) == 9
    for _ in range(10):
        setup.answer(0)
        setup.answer(1)
    assert len(setup.sink.answers) == 40
    assert setup.gates.kinds["a"].flying == 0


def test_critical_tasks_have_places_of_their_own() -> None:
    setup = Setup(Quotas(kinds={"a": Quota(concurrency=10)}))
    setup.offer(setup.lane(), 50)
    setup.offer(setup.lane(priority=CRITICAL), 5)
    assert setup.links[0].open == 10
    unlimited = Setup(window=100)
    unlimited.offer(unlimited.lane(), 500)
    assert unlimited.links[0].open == 100
    unlimited.offer(unlimited.lane(priority=CRITICAL), 50)
    assert 105 <= unlimited.links[0].open <= 115


def test_a_kind_with_few_out_goes_beyond_the_window_that_another_one_fills() -> None:
    setup = Setup(window=160)
    setup.offer(setup.lane("a"), 500)
    setup.offer(setup.lane("b"), 500)
    setup.clock.pass_s(HOLD_S)
    assert setup.valves[0].flying == {"a": 160, "b": 11}


def test_too_many_in_a_time_are_refused_and_those_that_are_paced_wait() -> None:
    setup = Setup(Quotas(kinds={"a": Quota(rate=10.0, burst=4)}))
    setup.offer(setup.lane(), 6)
    assert setup.links[0].open == 4
    assert setup.sink.failed_with("RateLimited") == {4, 5}
    assert setup.gates.shed["rate"] == 2
    paced = setup.lane()
    paced.manner = PACED
    setup.offer(paced, 3)
    assert setup.links[0].open == 4
    for _ in range(4):
        setup.clock.pass_s(0.1)
    assert setup.links[0].open == 7
    assert setup.links[0].waiting == 0


def test_a_task_is_counted_once_however_often_its_lane_is_offered() -> None:
    setup = Setup(Quotas(kinds={"a": Quota(rate=10.0, burst=6, concurrency=2)}))
    lane = setup.lane()
    for _ in range(3):
        setup.offer(lane, 2)
        setup.links[0].offer([lane])
    assert setup.sink.answers == {}
    setup.offer(lane, 1)
    assert setup.sink.failed_with("RateLimited") == {6}


def test_no_more_of_a_kind_are_open_than_may_be() -> None:
    setup = Setup(Quotas(kinds={"a": Quota(open=30)}), window=10)
    setup.offer(setup.lane(), 50)
    assert (setup.links[0].open, setup.links[0].waiting) == (10, 20)
    assert len(setup.sink.failed_with("Overloaded")) == 20
    setup.offer(setup.lane("b"), 50)
    assert len(setup.sink.failed_with("Overloaded")) == 20
    assert setup.gates.load("a") == 30


def test_what_would_come_too_late_is_refused_the_lowest_first() -> None:
    setup = Setup(Quotas(kinds={"a": Quota(concurrency=10)}))
    lanes = {priority: setup.due_lane(priority) for priority in (LOW, HIGH)}
    ended = {LOW: 0, HIGH: 0}
    tokens: dict[int, int] = {}
    for _ in range(300):  # each 10 ms 9 are done, and 20 come
        for priority, count in ((LOW, 17), (HIGH, 3)):
            tokens |= dict.fromkeys(range(setup.token, setup.token + count), priority)
            setup.offer(lanes[priority], count, time_s=0.2)
        setup.clock.pass_s(0.01)
        setup.answer()
    for token in setup.sink.failed_with("Overloaded") | setup.sink.failed_with("TaskExpired"):
        ended[tokens[token]] += 1
    assert ended[HIGH] == 0
    assert ended[LOW] > 2_000
    assert len(setup.sink.failed_with("Overloaded")) > 3 * len(setup.sink.failed_with("TaskExpired"))
    done = len(setup.sink.answers) - sum(ended.values())
    assert done > 0.95 * 300 * 9
    assert setup.gates.shed["deadline"] == len(setup.sink.failed_with("Overloaded"))


def test_a_backlog_refuses_the_newest_of_the_lowest_priority() -> None:
    from pools import link as module

    setup = Setup(window=1)
    most, module.BACKLOG_TASKS = module.BACKLOG_TASKS, 10
    try:
        setup.offer(setup.lane(priority=HIGH), 8)
        setup.offer(setup.lane(priority=LOW), 8)
    finally:
        module.BACKLOG_TASKS = most
    refused = setup.sink.failed_with("PoolFull")
    assert refused == {11, 12, 13, 14, 15}
    assert setup.gates.shed["backlog"] == 5


def test_what_is_out_is_counted_anew_when_the_channel_goes() -> None:
    for is_kept, left in ((False, 0), (True, 9)):
        setup = Setup(Quotas(kinds={"a": Quota(concurrency=10)}), is_kept=is_kept)
        setup.offer(setup.lane(), 9)
        setup.links[0].detach(WorkerDied("gone"), drop_waiting=False)
        assert setup.gates.kinds["a"].flying == left == setup.links[0].open


def test_it_tells_its_limit_and_the_rate_at_which_its_queues_empty() -> None:
    setup = Setup()
    assert setup.valves[0].facts(setup.clock.s()) == {"limit": 100, "window": 100, "drain_per_s": None}
    for _ in range(20):
        setup.offer(setup.lane(), 200)
        setup.clock.pass_s(0.02)
        setup.answer()
    assert setup.valves[0].facts(setup.clock.s())["drain_per_s"] > 1_000


def test_critical_tasks_have_their_places_though_the_limit_has_fallen_below_what_a_worker_has() -> None:
    setup = Setup(window=100)
    setup.offer(setup.lane(), 100)
    setup.valves[0].concurrency.limit = 20
    setup.offer(setup.lane(priority=CRITICAL), 50)
    assert setup.links[0].open == 103, "a tenth of the limit, and one"
    setup.offer(setup.lane(priority=HIGH), 50)
    assert setup.links[0].open == 103
