"""A task sent to a kind goes to the least loaded worker whose pool admits it, there to an idle agent."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools.balancer import Balancer, fill
from pools.breaker import BreakerSpec
from pools.breakers import Breakers
from pools.errors import CircuitOpen, UnknownKind
from pools.gauges import BUSY_SINCE_NS, CELLS
from pools.placement import Placement
from pools.pool import Pool
from pools.sight import Sight
from pools.spans import Part
from pools.spec import PoolSpec
from tests.support.clocks import Clock


class Way:
    """A link as the balancer sees it."""

    def __init__(self, sight: Sight) -> None:
        self.open = 0
        self.waiting = 0
        self.offers = 0
        self.is_held = False
        self.sight = sight


class Place:
    """A worker as the balancer sees it."""

    def __init__(self, sight: Sight) -> None:
        self.state = "running"
        self.link = Way(sight)
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")


class Fake:
    """A pool as the balancer sees it."""

    def __init__(self, name: str, seats: list[Place]) -> None:
        self.name = name
        self.seats = seats

    def links(self) -> list[Any]:
        """The link to each worker."""
        return [seat.link for seat in self.seats]


class Setup:
    """A balancer over pools with so many workers each, and `agents` agents of one kind in each pool."""

    def __init__(self, *workers: int, agents: int = 10, weights: tuple[float, ...] = ()) -> None:
        self.clock = Clock()
        self.events: list[str] = []
        specs = [
            PoolSpec(f"p{number}", agents=agents, workers=count, weight=weights[number] if weights else 1.0)
            for number, count in enumerate(workers)
        ]
        self.placement = Placement(specs, 1_000_000)
        self.placement.add_range("counter", agents * len(workers))
        self.breakers = Breakers(
            BreakerSpec(),
            [spec.name for spec in specs],
            clock=self.clock.s,
            chance=Random(1),
            on_change=lambda name, text: self.events.append(f"{name} {text}"),
        )
        self.pools = [Fake(spec.name, self.places(at, spec.workers)) for at, spec in enumerate(specs)]
        pools = cast("list[Pool]", self.pools)
        self.balancer = Balancer(self.placement, pools, self.breakers, clock=self.clock.s, chance=Random(7))

    def places(self, pool: int, workers: int) -> list[Place]:
        return [Place(Sight(pool, self.breakers)) for _ in range(workers)]

    def picked(self, count: int) -> Counter[int]:
        return self.pools_of([self.balancer.pick("counter") for _ in range(count)])

    def pools_of(self, keys: list[Any]) -> Counter[int]:
        return Counter(self.placement.pool_of("counter", key) for key in keys)

    def dealt(self, count: int) -> Counter[int]:
        counts: Counter[int] = Counter()
        for pool, _, keys in self.balancer.deal("counter", count):
            assert {self.placement.pool_of("counter", key) for key in keys} == {pool}
            counts[pool] += len(keys)
        return counts

    def took(self, pool: int, seconds: float) -> None:
        """A task of the kind took so long there."""
        seat = self.pools[pool].seats[0]
        opening = seat.link.sight.sent("counter", [0])
        seat.link.sight.answered({"k": "counter", "i": [0], "m": "add"}, opening, {"v": [None]}, seconds, self.clock.s())


def test_equal_pools_get_equally_many() -> None:
    assert Setup(1, 1, 1).picked(300) == {0: 100, 1: 100, 2: 100}


@pytest.mark.parametrize("pools", [1, 2, 3, 4])
def test_every_agent_gets_its_turn_before_one_gets_two_more(pools: int) -> None:
    """An idle agent is found without asking only if none is left out."""
    setup = Setup(*[1] * pools)
    chosen = Counter(setup.balancer.pick("counter") for _ in range(20 * pools))
    assert len(chosen) == 10 * pools
    assert set(chosen.values()) == {2}


def test_two_kinds_asked_in_turn_use_all_their_agents() -> None:
    setup = Setup(1, agents=100)
    setup.placement.take("counter", [(10, 100)], [])
    setup.placement.add_range("other", 10)
    chosen = Counter((kind, setup.balancer.pick(kind)) for _ in range(20) for kind in ("counter", "other"))
    assert len(chosen) == 20


def test_the_pool_with_the_least_open_tasks_is_chosen() -> None:
    setup = Setup(1, 1)
    setup.pools[0].seats[0].link.open = 100
    assert set(setup.picked(20)) == {1}


def test_those_of_one_turn_of_the_loop_are_counted_though_no_link_knows_them_yet() -> None:
    setup = Setup(1, 1)
    setup.pools[0].seats[0].link.open = 100
    counts = setup.picked(300)
    assert counts == {0: 100, 1: 200}


def test_what_a_link_was_told_of_and_has_done_counts_no_more() -> None:
    setup = Setup(1, 1)
    setup.dealt(1_000)
    for pool in setup.pools:
        pool.seats[0].link.offers += 1
    setup.dealt(1)
    assert setup.picked(101) in ({0: 50, 1: 51}, {0: 51, 1: 50})


def test_a_pool_of_more_workers_takes_more() -> None:
    setup = Setup(1, 4, agents=200)
    assert setup.picked(100) == {0: 20, 1: 80}


def test_a_pool_of_three_times_the_weight_takes_three_times_as_many() -> None:
    setup = Setup(1, 1, weights=(1.0, 3.0))
    assert setup.picked(400) == {0: 100, 1: 300}
    assert setup.dealt(4_000) == {0: 1_000, 1: 3_000}


def test_a_worker_that_does_not_run_is_passed_over_as_long_as_another_does() -> None:
    setup = Setup(1, 1)
    setup.pools[0].seats[0].state = "down"
    setup.pools[1].seats[0].link.open = 10_000
    assert set(setup.picked(20)) == {1}
    setup.pools[1].seats[0].state = "backoff"
    assert set(setup.picked(20)) == {1}
    setup.pools[1].seats[0].state = "down"
    assert setup.picked(20).total() == 20


def test_a_kind_without_agents_is_refused_by_name() -> None:
    for choose in (Setup(1).balancer.pick, Setup(1).balancer.choose):
        with pytest.raises(UnknownKind, match="nope"):
            choose("nope")
    with pytest.raises(UnknownKind, match="nope"):
        Setup(1).balancer.deal("nope", 10)


def test_a_slow_pool_gets_less_though_it_is_not_full() -> None:
    setup = Setup(1, 1)
    setup.took(0, 0.2)
    setup.took(1, 0.01)
    counts = setup.dealt(1_100)
    assert counts[0] == 100
    assert counts[1] == 1_000


def test_a_difference_of_microseconds_says_nothing() -> None:
    setup = Setup(1, 1)
    setup.took(0, 0.004)
    setup.took(1, 0.000_05)
    assert setup.dealt(1_000) == {0: 500, 1: 500}


def test_a_slow_pool_is_tried_again_after_a_time() -> None:
    setup = Setup(1, 1)
    setup.took(0, 0.2)
    setup.took(1, 0.01)
    before = setup.dealt(1_100)[0]
    setup.clock.pass_s(30)
    setup.took(1, 0.01)
    assert before < setup.dealt(1_100)[0]


def test_a_worker_that_stands_in_one_task_gets_less() -> None:
    setup = Setup(1, 1)
    setup.took(0, 0.01)
    setup.took(1, 0.01)
    setup.pools[0].seats[0].cells[BUSY_SINCE_NS] = 1
    assert setup.picked(50)[0] <= 1


def test_an_idle_agent_comes_before_one_that_has_work() -> None:
    setup = Setup(1)
    sight = setup.pools[0].seats[0].link.sight
    sight.count("counter", 10)
    for key in (0, 1, 2, 4, 5, 6, 7, 8, 9):
        sight.sent("counter", [key])
    assert setup.balancer.pick("counter") == 3
    setup.pools[0].seats[0].link.offers += 1  # the link knows of it now, and has its answer
    assert setup.balancer.pick("counter") == 3


def test_of_many_tasks_that_come_together_the_one_idle_agent_does_not_get_all() -> None:
    setup = Setup(1)
    sight = setup.pools[0].seats[0].link.sight
    sight.count("counter", 10)
    sight.sent("counter", [key for key in range(10) if key != 3 for _ in range(50)])
    chosen = Counter(setup.balancer.pick("counter") for _ in range(1_000))
    loads = [chosen[key] + (0 if key == 3 else 50) for key in range(10)]
    assert min(loads) > 100
    assert max(loads) < 200


def test_of_two_mailboxes_the_shorter_is_taken_where_nobody_is_idle() -> None:
    setup = Setup(1, agents=100)
    sight = setup.pools[0].seats[0].link.sight
    sight.count("counter", 100)
    sight.sent("counter", [key for key in range(100) for _ in range(1 if key % 2 else 100)])
    chosen = Counter(key % 2 for key in (setup.balancer.pick("counter") for _ in range(400)))
    assert chosen[1] > 2 * chosen[0]


def picked_alone(setup: Setup) -> Any:
    """The next one, when the link knows of all that were picked before, and has their answers."""
    setup.pools[0].seats[0].link.offers += 1
    return setup.balancer.pick("counter")


def busy(setup: Setup, *keys: int) -> None:
    """These have a task each."""
    sight = setup.pools[0].seats[0].link.sight
    sight.count("counter", 10)
    sight.sent("counter", [*keys])
    setup.pools[0].seats[0].link.open += len(keys)


def test_of_many_at_once_those_who_are_idle_get_one_before_anybody_who_is_busy() -> None:
    setup = Setup(1)
    busy(setup, 1, 4, 5)
    assert sorted(setup.balancer.choose_some("counter", 7)) == [0, 2, 3, 6, 7, 8, 9]


def test_what_the_idle_ones_do_not_take_goes_to_those_with_the_least_to_do() -> None:
    setup = Setup(1)
    busy(setup, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6)
    assert Counter(setup.balancer.choose_some("counter", 8)) == Counter([7, 8, 9, 2, 3, 4, 5, 6])
    setup = Setup(1)
    busy(setup, 0, 0, 0)
    assert Counter(setup.balancer.choose_some("counter", 20)) == Counter([*range(1, 10)] * 2 + [1, 2])


@pytest.mark.parametrize("count", [1, 9, 10, 11, 57, 1_000])
def test_of_agents_that_are_all_idle_everybody_has_a_turn_before_one_has_two_more(count: int) -> None:
    setup = Setup(1, 1)
    turns = Counter(setup.balancer.choose_some("counter", count))
    assert turns.total() == count
    assert max(turns.values()) - (min(turns.values()) if len(turns) == 20 else 0) <= 1


def test_those_chosen_at_once_count_with_those_chosen_before() -> None:
    setup = Setup(1)
    first = [setup.balancer.choose("counter") for _ in range(4)]
    assert sorted(first + setup.balancer.choose_some("counter", 6)) == [*range(10)]


def test_many_are_kept_from_a_slow_pool_as_one_is() -> None:
    setup = Setup(1, 1)
    setup.took(0, 0.001)
    setup.took(1, 1.0)
    counts = setup.pools_of(setup.balancer.choose_some("counter", 1_000))
    assert counts[1] < 20


def test_an_answer_makes_an_agent_idle_again() -> None:
    setup = Setup(1)
    sight = setup.pools[0].seats[0].link.sight
    sight.count("counter", 10)
    opening = sight.sent("counter", list(range(10)))
    sight.answered({"k": "counter", "i": list(range(10)), "m": "add"}, opening, {"v": [1], "i": [6]}, 0.001, 0.0)
    assert setup.balancer.pick("counter") == 6
    sight.answered({"k": "counter", "i": list(range(10)), "m": "add"}, opening, {"v": [1, 1], "o": 2}, 0.001, 0.0)
    assert {picked_alone(setup) for _ in range(10)} == {2, 3, 6}
    sight.emptied()
    assert len({setup.balancer.pick("counter") for _ in range(10)}) == 10


# -- breakers ----------------------------------------------------------------------------------------------------------


def test_a_pool_whose_breaker_is_open_is_passed_over() -> None:
    setup = Setup(1, 1)
    setup.breakers.force("open", "p0")
    setup.pools[1].seats[0].link.open = 1_000
    assert set(setup.picked(10)) == {1}
    assert set(setup.dealt(10)) == {1}
    assert {setup.placement.pool_of("counter", setup.balancer.choose("counter")) for _ in range(10)} == {1}


def test_with_every_breaker_open_the_caller_is_told_when_to_come_again() -> None:
    setup = Setup(1, 1)
    for pool in (0, 1):
        setup.breakers.record(pool, "counter", None, 5, ["ValueError"] * 5)
    with pytest.raises(CircuitOpen, match=r"counter in pool p.*one after the other") as caught:
        setup.balancer.pick("counter")
    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s <= 1.2
    assert setup.balancer.deal("counter", 100) == []
    assert setup.placement.has("counter", setup.balancer.choose("counter"))


def test_a_kind_that_fails_everywhere_is_let_through_as_probes() -> None:
    setup = Setup(1, 1)
    for pool in (0, 1):
        setup.breakers.record(pool, "counter", None, 5, ["ValueError"] * 5)
    setup.clock.pass_s(1.3)
    assert setup.dealt(100) == {0: 3, 1: 3}
    with pytest.raises(CircuitOpen):
        setup.balancer.pick("counter")


def test_what_a_probing_pool_does_not_admit_goes_to_the_others() -> None:
    setup = Setup(1, 1, 1)
    setup.breakers.record(0, "counter", None, 5, ["WorkerDied"] * 5)
    setup.clock.pass_s(1.3)
    counts = setup.dealt(900)
    assert counts[0] == 3
    assert counts.total() == 900


# -- the same number, the same agent -----------------------------------------------------------------------------------


def test_a_number_has_the_same_agent_whatever_the_load() -> None:
    setup = Setup(1, 1, 1)
    first = [setup.balancer.pick("counter", turn) for turn in range(100)]
    setup.pools[0].seats[0].link.open = 10_000
    assert [setup.balancer.pick("counter", turn) for turn in range(100)] == first
    assert len(set(first)) == 30


def test_a_number_that_may_have_been_sent_goes_nowhere_else() -> None:
    setup = Setup(1, 1)
    chosen = [setup.balancer.pick("counter", turn) for turn in range(100)]
    setup.breakers.force("open", "p0")
    assert [setup.balancer.pick("counter", turn, is_again=True) for turn in range(100)] == chosen


def test_a_number_whose_pool_admits_nothing_is_refused_where_it_was_not_sent_before() -> None:
    setup = Setup(1, 1)
    setup.breakers.force("open", "p0")
    seen = []
    for turn in range(10):
        try:
            seen.append(setup.placement.pool_of("counter", setup.balancer.pick("counter", turn)))
        except CircuitOpen:
            seen.append(None)
    assert seen == [None, 1] * 5


def test_a_sticky_key_keeps_its_agent_while_that_exists() -> None:
    setup = Setup(1, 1)
    chosen = {name: setup.balancer.stick("counter", name) for name in map(str, range(200))}
    assert len(set(chosen.values())) == 20
    setup.placement.limit = 10**6
    setup.placement.take("counter", [(0, 1)], [])
    kept = {name: setup.balancer.stick("counter", name) for name in chosen}
    assert all(kept[name] == key for name, key in chosen.items() if key != 0)
    assert all(setup.placement.has("counter", key) for key in kept.values())


# -- skills that were given --------------------------------------------------------------------------------------------

DRAW = frozenset({"draw"})


def test_a_task_that_wants_skills_goes_to_those_alone_who_were_given_them_whatever_they_have_to_do() -> None:
    setup = Setup(1, 1)
    own = {"counter": frozenset({"count"})}
    assert setup.balancer.assign(own, [DRAW]) == [None]
    setup.placement.talents.give("counter", DRAW, [Part(0, 2, 4)], {})
    setup.pools[0].seats[0].link.open = 1_000
    wanted = [DRAW, DRAW | own["counter"]] * 10
    assert Counter(setup.balancer.assign(own, wanted)) == {("counter", 2): 10, ("counter", 3): 10}
    setup.placement.talents.give("counter", DRAW, [Part(1, 15, 16)], {})
    found = Counter(setup.balancer.assign(own, wanted))
    assert found["counter", 15] >= 18
    assert set(found) <= {("counter", key) for key in (2, 3, 15)}
    setup.breakers.force("open", "p1")
    assert {one[1] for one in setup.balancer.assign(own, wanted) if isinstance(one, tuple)} == {2, 3}
    setup.breakers.force("open", "p0")
    assert {type(one) for one in setup.balancer.assign(own, wanted)} == {CircuitOpen}
    setup.placement.take("counter", [(2, 4), (15, 16)], [])
    assert setup.balancer.assign(own, [DRAW]) == [None]


def test_who_keeps_sticky_keys_hears_of_each_once_and_what_was_kept_counts() -> None:
    setup, heard = Setup(1, 1), []
    setup.balancer.on_stick = lambda *facts: heard.append(facts)
    setup.balancer.sticky["counter", "kept"] = 7
    assert setup.balancer.stick("counter", "kept") == 7
    new = setup.balancer.stick("counter", "new")
    assert setup.balancer.stick("counter", "new") == new
    assert heard == [("counter", "new", new)]
    setup.placement.take("counter", [(7, 8)], [])
    other = setup.balancer.stick("counter", "kept")
    assert other != 7
    assert heard[1:] == [("counter", "kept", other)]


# -- filling -----------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.05, 16.0)), min_size=1, max_size=20),
    st.integers(1, 10_000),
)
def test_what_is_filled_adds_up_and_is_as_even_as_it_can_be(vessels: list[tuple[int, float]], count: int) -> None:
    loads, capacities = [load for load, _ in vessels], [capacity for _, capacity in vessels]
    parts = fill(loads, capacities, count)
    assert sum(parts) == count
    assert min(parts) >= 0
    level = max((load + part) / capacity for load, part, capacity in zip(loads, parts, capacities, strict=True) if part)
    for load, part, capacity in zip(loads, parts, capacities, strict=True):
        assert (load + part + 2) / capacity >= level - 2 / min(capacities)
