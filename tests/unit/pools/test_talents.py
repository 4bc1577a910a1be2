"""Who was given skills has them, in turn, until it is removed."""

from __future__ import annotations

from pools.placement import Placement
from pools.rota import Rota
from pools.spans import Part
from pools.spec import PoolSpec
from pools.talents import Talented, Talents

DRAW, READ = frozenset({"draw"}), frozenset({"read"})


def some() -> Talents:
    talents = Talents()
    talents.give("scout", DRAW, [Part(1, 20, 24), Part(0, 4, 6)], {0: ["a"], 1: ["b"]})
    talents.give("scout", READ, [], {0: ["a"]})
    return talents


def test_who_has_which_skills_is_known_by_agent_by_pool_and_as_rows() -> None:
    talents = some()
    assert talents.sets("scout") == [DRAW, READ]
    assert talents.sets("other") == []
    assert talents.of("scout", 4) == talents.of("scout", "b") == DRAW
    assert talents.of("scout", "a") == DRAW | READ
    assert talents.of("scout", 6) == talents.of("scout", "4") == talents.of("other", 4) == frozenset()
    assert talents.some("scout", DRAW, 0, 0, 9) == [4, 5, "a"]
    assert talents.some("scout", DRAW, 1, 3, 9) == [23, "b"]
    assert talents.some("scout", DRAW, 1, 1, 2) == [21, 22]
    assert talents.some("scout", frozenset({"fly"}), 1, 0, 9) == []
    copy = Talents()
    for skills, parts, names in talents.rows("scout"):
        copy.give("scout", frozenset(skills), parts, names)
    assert copy.rows("scout") == talents.rows("scout")


def test_no_skills_are_none_and_a_removed_agent_has_none_even_if_its_key_comes_again() -> None:
    placement = Placement([PoolSpec("p1", agents=100)], 100)
    talents = placement.talents
    parts = placement.add_range("scout", 6)
    talents.give("scout", frozenset(), parts, {})
    assert talents.sets("scout") == []
    talents.give("scout", DRAW, parts, placement.add_names("scout", ["a"]))
    before = talents.stamp()
    placement.take("scout", [(0, 5)], ["a"])
    assert talents.stamp() != before
    assert talents.some("scout", DRAW, 0, 0, 9) == [5]
    placement.add_range("scout", 5)
    placement.add_names("scout", ["a"])
    assert talents.some("scout", DRAW, 0, 0, 9) == [5]
    placement.take("scout", [(5, 6)], [])
    assert talents.sets("scout") == []


def test_those_with_the_same_skills_take_turns_as_a_kind_does() -> None:
    placement = Placement([PoolSpec("p1", agents=50, workers=2), PoolSpec("p2", agents=50)], 100)
    parts = placement.add_range("scout", 40)
    placement.talents.give("scout", DRAW, [Part(parts[0].pool, 3, 9)], {})
    agents = Talented(placement.talents, DRAW, placement.pools, placement.worker_of)
    assert agents.holders("scout") == [0]
    rota = Rota(agents, "scout", 0)
    rota.refresh()
    found = [key for worker in (0, 1) if rota.has(worker) for key in rota.take(worker, rota.size(worker))]
    assert sorted(found, key=str) == [3, 4, 5, 6, 7, 8]
    before = agents.stamp("scout")
    placement.take("scout", [(3, 5)], [])
    assert agents.stamp("scout") != before
    rota.refresh()
    assert sum(rota.size(worker) for worker in (0, 1)) == 4
