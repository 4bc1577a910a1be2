"""Agents exist as ranges and names, become objects at their first task, and keep their state through sleep."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checkpoints.frame import Part
from checkpoints.shards import shard_of
from checkpoints.store import Store, changes_part, gone_part, states_part
from pools.agent import Agent
from pools.counter import Counter
from pools.errors import StateUnreadable
from pools.kind import Fresh, Kind
from pools.residents import Residents
from tests.support.disks import SimDisk
from tests.support.stores import open_at


def residents(made: type[Agent] = Counter, owned: frozenset[int] = frozenset({0}), shards: int = 1) -> Residents:
    return Residents(Kind(made), owned=owned, shards=shards)


def asleep(held: Residents) -> None:
    """Put every idle agent to sleep."""
    held.sweep()
    held.sweep()
    while held.doze(3):
        pass


class Shelf(Agent):
    items: list[int]
    label: str = ""

    def put(self, x: int) -> int:
        self.items.append(x)
        return len(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return False


def test_a_range_exists_without_a_single_object() -> None:
    held = residents()
    held.add_range(0, 1_000_000)
    assert held.exists(0)
    assert held.exists(999_999)
    assert not held.exists(1_000_000)
    assert (held.live_count, held.made) == (0, 0)


def test_ranges_with_gaps_in_any_order_are_looked_up_right(chance: Random) -> None:
    held = residents()
    ranges = [(at * 10, at * 10 + 5) for at in range(20)]
    chance.shuffle(ranges)
    for start, stop in ranges:
        held.add_range(start, stop)
    assert [key for key in range(210) if held.exists(key)] == [at * 10 + rest for at in range(20) for rest in range(5)]
    assert sorted(held.keys()) == [at * 10 + rest for at in range(20) for rest in range(5)]


def test_neighbouring_ranges_grow_together() -> None:
    held = residents()
    for start in range(0, 1_000, 10):
        held.add_range(start, start + 10)
    assert list(held.keys()) == list(range(1_000))


def test_names_exist_beside_numbers_and_are_not_numbers() -> None:
    held = residents()
    held.add_range(0, 3)
    held.add_names(["b", "a", "b", "007"])
    assert list(held.keys()) == [0, 1, 2, "007", "a", "b"]
    assert held.exists("a")
    assert not held.exists("0")
    assert not held.exists("c")


@pytest.mark.parametrize("key", [-1, None, "", 10**15])
def test_what_was_never_spawned_does_not_exist(key: Any) -> None:
    held = residents()
    held.add_range(0, 5)
    assert not held.exists(key)
    assert held.wake(key) is None
    assert held.status(key) is None
    assert held.live_count == 0


def test_agents_of_other_shards_are_refused() -> None:
    held = residents(owned=frozenset({1, 3}), shards=4)
    held.add_range(0, 100)
    held.add_names([f"n{number}" for number in range(50)])
    mine = list(held.keys())  # it is a method
    assert mine
    assert all(shard_of(f"counter/{key}".encode(), 4) in {1, 3} for key in mine)
    others = [key for key in [*range(100), *(f"n{number}" for number in range(50))] if key not in mine]
    assert others
    assert all(held.wake(key) is None and held.status(key) is None for key in others)
    assert all(held.status(key) == "dormant" for key in mine)


def test_an_object_is_made_at_the_first_look_and_only_once() -> None:
    held = residents()
    held.add_range(0, 10)
    agent = held.wake(3)
    assert agent is not None
    assert held.live[3] is agent
    assert (held.made, held.live_count, held.status(3), held.status(4)) == (1, 1, "idle", "dormant")


def test_an_agent_keeps_its_state_through_sleep() -> None:
    held = residents()
    held.add_range(0, 10)
    first: Any = held.wake(3)
    first.add(5)
    asleep(held)
    assert (held.live_count, held.asleep_count, held.status(3)) == (0, 1, "asleep")
    again: Any = held.wake(3)
    assert again is not first
    assert again.total == 5
    assert (held.asleep_count, held.made) == (0, 2)


def test_an_agent_that_is_as_it_was_made_leaves_nothing_behind() -> None:
    held = residents()
    held.add_range(0, 10)
    held.wake(3)
    asleep(held)
    assert (held.live_count, held.asleep_count, held.status(3)) == (0, 0, "dormant")


def test_one_sweep_alone_puts_nobody_to_sleep() -> None:
    held = residents()
    held.add_range(0, 10)
    agent: Any = held.wake(3)
    agent.add(1)
    held.sweep()
    assert not held.doze(100)
    assert held.status(3) == "idle"
    assert held.wake(3) is agent


def test_an_agent_used_between_two_sweeps_stays_the_same_object() -> None:
    held = residents()
    held.add_range(0, 10)
    agent: Any = held.wake(3)
    agent.add(1)
    for _ in range(5):
        held.sweep()
        held.doze(100)
        assert held.live.get(3) is None
        assert held.wake(3) is agent


def test_an_agent_that_is_about_to_sleep_can_still_be_had() -> None:
    held = residents()
    held.add_range(0, 10)
    agent: Any = held.wake(3)
    agent.add(1)
    held.sweep()
    held.sweep()
    assert held.wake(3) is agent
    assert not held.doze(100)


def test_agents_go_to_sleep_bit_by_bit() -> None:
    held = residents()
    held.add_range(0, 10)
    for key in range(10):
        held.wake(key).add(1)  # type: ignore[union-attr]
    held.sweep()
    held.sweep()
    assert held.doze(4)
    assert (held.live_count, held.asleep_count) == (6, 4)
    assert held.doze(4)
    assert not held.doze(4)
    assert (held.live_count, held.asleep_count) == (0, 10)


def test_a_busy_agent_is_never_put_to_sleep() -> None:
    held = residents()
    held.add_range(0, 10)
    agent = held.wake(3)
    held.busy[3] = object()
    del held.live[3]
    asleep(held)
    assert (held.live_count, held.status(3)) == (1, "run")
    assert agent is not None


def test_an_agent_whose_class_says_it_is_false_keeps_its_state() -> None:
    """A class may define `__len__` or `__bool__`; an empty one is an agent all the same."""
    held = residents(Shelf)
    held.add_range(0, 10)
    agent: Any = held.wake(3)
    agent.label = "mine"
    held.sweep()
    assert held.wake(3) is agent
    held.sweep()
    held.sweep()
    assert held.wake(3) is agent


def test_an_agent_that_cannot_be_saved_stays_awake() -> None:
    held = residents()
    held.add_range(0, 10)
    agent: Any = held.wake(3)
    agent.total = "not a number"
    asleep(held)
    assert held.live[3] is agent


def test_warming_makes_what_is_not_there_yet() -> None:
    held = residents()
    held.add_range(0, 10)
    held.wake(2)
    assert held.warm(range(5)) == 4
    assert held.warm(range(5)) == 0
    assert held.live_count == 5


def test_any_history_of_tasks_and_sleep_ends_with_the_right_totals(chance: Random) -> None:
    held = residents()
    held.add_range(0, 20)
    totals = dict.fromkeys(range(20), 0)
    for _ in range(2_000):
        what = chance.randrange(10)
        if what == 0:
            held.sweep()
        elif what == 1:
            held.doze(chance.randrange(1, 6))
        else:
            key, x = chance.randrange(20), chance.randrange(100)
            agent: Any = held.live.get(key) or held.wake(key)
            totals[key] += x
            assert agent.add(x) == totals[key]
    assert held.live_count <= 20


# -- state in a store --------------------------------------------------------------------------------------------------


class Kept:
    """The store of a worker whose processes come and go, and the residents of the one that runs."""

    def __init__(self, made: type[Agent] = Counter) -> None:
        self.disk = SimDisk()
        self.made = made
        self.store: Store
        self.start()

    def start(self) -> Residents:
        """The next process."""
        self.disk.kill()
        self.store = open_at(self.disk, shards=1)
        self.held = residents(self.made)
        self.held.keep_in(self.store)
        self.held.add_range(0, 100)
        self.held.add_names(["a", "b"])
        return self.held

    def fold(self) -> None:
        """Put everything into a snapshot."""
        self.store.log.roll()
        self.store.compact()

    def keep(self, totals: dict[Any, int]) -> None:
        """Record states."""
        self.store.commit([states_part("counter", ["total"], list(totals), list(totals.values()))], len(totals))

    def total(self, key: Any) -> int:
        agent: Any = self.held.live.get(key) or self.held.wake(key)
        return int(agent.total)


@pytest.mark.parametrize("is_folded", [False, True])
def test_an_agent_is_what_the_store_has_and_new_where_it_has_nothing(is_folded: bool) -> None:
    kept = Kept()
    kept.keep({3: 30, 4: 40, "a": 50})
    if is_folded:
        kept.fold()
    kept.start()
    assert [kept.total(key) for key in (3, 4, 5, "a", "b")] == [30, 40, 0, 50, 0]
    assert [kept.total(key) for key in (3, 4, 5, "a", "b")] == [30, 40, 0, 50, 0]


def test_changes_in_the_log_go_on_top_of_what_is_in_the_snapshot() -> None:
    kept = Kept(Shelf)
    kept.store.commit([changes_part("shelf", [3, 4], [{"items": [1], "label": "x"}, {"items": [9]}])], 2)
    kept.fold()
    kept.store.commit([changes_part("shelf", [3], [{"label": "y"}]), changes_part("shelf", [3], [{"+items": [2]}])], 2)
    held = kept.start()
    found: list[Any] = [held.wake(key) for key in (3, 4)]
    assert [(agent.items, agent.label) for agent in found] == [([1, 2], "y"), ([9], "")]


def test_an_agent_whose_state_is_gone_is_new() -> None:
    kept = Kept()
    kept.keep({3: 30})
    kept.fold()
    kept.store.commit([gone_part("counter", [3])], 1)
    kept.start()
    assert kept.total(3) == 0


def test_what_the_store_has_is_no_agent_unless_it_is_spawned() -> None:
    kept = Kept()
    kept.keep({100: 5, "x": 6})
    held = kept.start()
    assert (held.wake(100), held.wake("x")) == (None, None)
    assert held.live_count == 0


@pytest.mark.parametrize("is_folded", [False, True])
def test_an_agent_that_sleeps_is_not_taken_for_what_the_store_had(is_folded: bool) -> None:
    """Its state in memory is newer, also where it is as a new agent's again."""
    kept = Kept()
    kept.keep({3: 30, 4: 40, 5: 50})
    if is_folded:
        kept.fold()
    held = kept.start()
    for key, change in ((3, -30), (4, 2)):
        agent: Any = held.wake(key)
        agent.add(change)
    asleep(held)
    assert (held.live_count, held.status(3)) == (0, "asleep")
    assert [kept.total(key) for key in (3, 4, 5)] == [0, 42, 50]


@pytest.mark.parametrize(("key", "label"), [(3, ""), (4, "kept")])
def test_what_was_not_recorded_before_sleep_is_not_recorded_after_it_either(key: int, label: str) -> None:
    """Its next record must have all of it: a change alone would stand upon nothing, or upon fields of another class."""
    kept = Kept(Shelf)
    kept.store.commit([changes_part("shelf", [4], [{"label": "kept"}])], 1)
    held = kept.start()
    for _ in range(2):
        agent: Any = held.wake(key)
        assert (type(agent._committed), agent.label) == (Fresh, label)
        asleep(held)
    agent = held.wake(key)
    agent._committed = held.kind.commit(agent)
    asleep(held)
    agent = held.wake(key)
    assert (type(agent._committed), agent.label) == (list, label)


@pytest.mark.parametrize(
    "part", [changes_part("counter", [3], [{"total": "text"}]), states_part("counter", ["total"], [3], ["text"])]
)
def test_a_state_that_cannot_be_read_fails_each_time_and_is_kept_and_its_neighbours_are_well(part: Part) -> None:
    kept = Kept()
    kept.store.commit([part], 1)
    kept.keep({4: 40})
    held = kept.start()
    for _ in range(3):
        assert held.wake_idle(3) is None
        with pytest.raises(StateUnreadable, match="counter/3: counter: total must be int"):
            held.wake(3)
    assert kept.total(4) == 40
    assert (held.live_count, held.status(3)) == (1, "asleep")


def test_a_state_of_another_class_is_an_error_that_names_the_agent() -> None:
    kept = Kept()
    kept.store.commit([changes_part("counter", [3], [{"colour": 5}])], 1)
    held = kept.start()
    with pytest.raises(StateUnreadable, match="counter/3 has kept colour"):
        held.wake(3)


def test_any_history_of_tasks_sleep_deaths_and_folding_ends_with_the_right_totals(chance: Random) -> None:
    kept = Kept()
    totals: dict[Any, int] = dict.fromkeys([*range(20), "a", "b"], 0)
    for _ in range(1_500):
        what = chance.randrange(60)
        if what == 0:
            kept.start()
        elif what == 1:
            kept.fold()
        elif what < 5:
            kept.held.sweep()
        elif what < 10:
            kept.held.doze(chance.randrange(1, 6))
        else:
            key, x = chance.choice(list(totals)), chance.randrange(-3, 4)
            agent: Any = kept.held.live.get(key) or kept.held.wake(key)
            totals[key] += x
            assert agent.add(x) == totals[key]
            kept.keep({key: totals[key]})
    assert {key: kept.total(key) for key in totals} == totals


def test_one_number_under_the_name_of_another_field_is_not_taken_for_this_one() -> None:
    kept = Kept()
    kept.store.commit([states_part("counter", ["sum"], [3], [5])], 1)
    held = kept.start()
    for _ in range(2):
        with pytest.raises(StateUnreadable, match="counter/3 has kept sum, which Counter does not have"):
            held.wake(3)
    assert held.status(3) == "asleep"


def test_a_busy_agent_that_is_to_be_a_new_object_becomes_one_when_it_rests() -> None:
    held = residents(Shelf)
    held.add_range(0, 3)
    shelf = held.wake(1)
    assert isinstance(shelf, Shelf)
    shelf.put(7)
    held.busy[1] = held.live.pop(1)
    held.evict(1)
    assert held.status(1) == "run"
    held.rest(shelf)
    assert (held.status(1), 1 in held.live) == ("asleep", False)
    again = held.wake(1)
    assert again is not shelf
    assert isinstance(again, Shelf)
    assert again.items == [7]
    held.busy[1] = held.live.pop(1)
    held.rest(again)
    assert held.live[1] is again


def test_objects_made_ahead_are_not_those_of_the_sick() -> None:
    held = residents()
    held.add_range(0, 5)
    held.apart[1], held.parked[2] = 3, "it hung"
    assert held.warm(range(5)) == 3
    assert sorted(held.live) == [0, 3, 4]
