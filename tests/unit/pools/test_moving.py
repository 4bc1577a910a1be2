"""Agents that are given out: none is dealt to, and whoever is gone or stays is counted again."""

from __future__ import annotations

from pools.moving import lot_of
from pools.placement import Part, Placement
from pools.spec import PoolSpec


def placement() -> Placement:
    made = Placement([PoolSpec("p", agents=10), PoolSpec("q", agents=10)], 20)
    made.add_range("tally", 6)
    made.add_names("tally", ["a", "b"])
    return made


def dealt(made: Placement) -> set[object]:
    return {key for pool in (0, 1) for key in made.some("tally", pool, 0, 20)}


def test_no_task_for_the_kind_is_dealt_to_who_is_given_out() -> None:
    made = placement()
    where = {key: made.pool_of("tally", key) for key in (1, 2, "a")}
    made.moving.add("tally", where)
    assert dealt(made) == {0, 3, 4, 5, "b"}
    assert not made.moving.sure("tally")
    made.moving.confirm("tally", [1, "a"])
    made.moving.drop("tally", ["a", 2, 77])
    assert (dict(made.moving.of("tally")), made.moving.sure("tally")) == ({1: where[1]}, {1})
    assert dealt(made) == {0, 2, 3, 4, 5, "a", "b"}


def test_who_is_removed_is_not_given_out_any_more() -> None:
    made = placement()
    made.moving.add("tally", {key: made.pool_of("tally", key) for key in (1, "a")})
    made.take("tally", [(0, 3)], ["a"])
    assert not made.moving.of("tally")
    assert made.stamp("tally")[0] == made.count_of("tally") == 4
    assert dealt(made) == {3, 4, 5, "b"}


def test_all_may_be_given_out() -> None:
    made = placement()
    made.moving.add("tally", {key: made.pool_of("tally", key) for key in (*range(6), "a", "b")})
    assert dealt(made) == set()


def test_agents_are_ranges_and_names_by_pool() -> None:
    assert lot_of({3: 1, 1: 0, 2: 0, "a": 1, "b": 0}) == ([Part(0, 1, 3), Part(1, 3, 4)], {0: ["b"], 1: ["a"]})
