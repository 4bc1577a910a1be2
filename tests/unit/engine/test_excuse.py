"""When what fails is foresight's to avoid, and when the breaker's."""

from __future__ import annotations

import pytest

from engine.excuse import GOOD_S, LEARNING, Excuse
from engine.foreseen import FRESH_S, Foreseen
from pools.errors import Failure
from pools.spec import ForesightSpec
from tests.support.grounds import Plain

PAIR = ("scout", "fetch")
BROKEN = Failure("ValueError", "no")


class Rig:
    """Four agents in one pool, and a fifth in another."""

    def __init__(self, *, can_split: bool = False, agents: int = 4) -> None:
        self.now_s = 0.0
        self.agents = agents
        self.splits = can_split
        self.ground = Plain(5, can_split=can_split)
        self.foreseen = Foreseen(ForesightSpec(control=0.0), self.ground, lambda: self.now_s)
        self.excuse = Excuse(self.foreseen, self, 0.5, lambda: self.now_s)

    def agents_in(self, kind: str, pool: int) -> int:
        assert (kind, pool) == ("scout", 0)
        return self.agents

    def is_in(self, place: str, pool: int) -> bool:
        return (place == "scout/4") == (pool == 1)

    def can_split(self, _kind: str) -> bool:
        return self.splits

    def send(self, count: int, failing: set[int], argument: object = None, largest: int | None = None) -> None:
        """Tasks that go around; those at some agents fail, and those that are larger than some size."""
        for number in range(count):
            place = number % 5
            spot = f"scout/{place}", 0 if argument is None else 2 * number % 20
            is_bad = place in failing or (largest is not None and spot[1] > largest)
            self.foreseen.view(PAIR)
            self.foreseen.history.learn(PAIR, spot, 1, int(is_bad), self.now_s)
        self.now_s += max(FRESH_S, GOOD_S)

    def is_excused(self) -> bool:
        return self.excuse(0, "scout")


def test_a_kind_at_which_nobody_looks_has_no_excuse() -> None:
    assert not Rig().is_excused()


def test_while_it_is_learned_where_tasks_fail_the_breaker_waits() -> None:
    rig = Rig()
    rig.foreseen.view(PAIR)
    assert rig.is_excused()
    rig.now_s += GOOD_S
    rig.send(int(LEARNING) * 4 - 1, {0, 1, 2, 3})
    assert rig.is_excused()
    rig.send(1, {0, 1, 2, 3})
    rig.send(100, {0, 1, 2, 3})
    assert not rig.is_excused()


def test_one_agent_of_the_pool_that_does_well_is_enough() -> None:
    rig = Rig()
    rig.send(500, {0, 1, 2})
    assert rig.is_excused()


def test_an_agent_of_another_pool_that_does_well_is_none() -> None:
    rig = Rig()
    rig.send(500, {0, 1, 2, 3})
    assert not rig.is_excused()


def test_sizes_that_do_well_are_one_for_who_can_split() -> None:
    for can_split in (True, False):
        rig = Rig(can_split=can_split, agents=1)
        rig.send(1_000, set(), 1, largest=8)
        assert rig.foreseen.view(PAIR).ceiling is not None
        assert rig.is_excused() == can_split


def test_another_method_that_fails_everywhere_counts_by_its_tasks() -> None:
    rig = Rig()
    rig.send(500, {0, 1, 2})
    rig.foreseen.history.learn(("scout", "other"), ("scout/0", 0), 400, 400, rig.now_s)
    assert rig.is_excused()
    rig.now_s += GOOD_S
    rig.foreseen.history.learn(("scout", "other"), ("scout/0", 0), 4_000, 4_000, rig.now_s)
    assert not rig.is_excused()


@pytest.mark.parametrize("passed_s", [0.0, GOOD_S])
def test_an_answer_is_good_for_a_moment(passed_s: float) -> None:
    rig = Rig()
    rig.send(500, {0, 1, 2})
    assert rig.is_excused()
    rig.foreseen.history.learn(PAIR, ("scout/3", 0), 5_000, 5_000, rig.now_s)
    rig.now_s += passed_s
    assert rig.is_excused() == (passed_s == 0.0)
