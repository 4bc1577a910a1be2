"""Every agent has one pool, no limit is passed, and what does not fit changes nothing."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checkpoints.shards import shard_of
from pools.errors import TooManyAgents, UnknownAgent, UnknownKind
from pools.gauges import who_is
from pools.placement import Part, Placement, owner_of, shares
from pools.spec import PoolSpec


def four(limit: int = 10_000, **facts: Any) -> Placement:
    """The four shipped pools."""
    return Placement([PoolSpec(f"p{number}", agents=2_500, **facts) for number in range(1, 5)], limit)


def test_five_thousand_agents_spread_over_the_four_pools() -> None:
    placement = four()
    parts = placement.add_range("counter", 5_000)
    assert parts == [Part(0, 0, 1_250), Part(1, 1_250, 2_500), Part(2, 2_500, 3_750), Part(3, 3_750, 5_000)]
    assert placement.used == [1_250] * 4
    assert (placement.count, placement.count_of("counter"), placement.numbered("counter")) == (5_000, 5_000, 5_000)


def test_a_later_range_goes_on_where_the_last_one_ended() -> None:
    placement = four()
    placement.add_range("counter", 10)
    placement.add_range("other", 3)
    assert placement.add_range("counter", 5)[0].start == 10
    assert placement.numbered("counter") == 15
    assert [placement.pool_of("counter", key) for key in range(15)].count(0) in (3, 4, 5)
    with pytest.raises(UnknownAgent):
        placement.pool_of("counter", 15)


def test_the_ten_thousand_and_first_agent_is_refused_with_the_limit_named() -> None:
    placement = four()
    placement.add_range("counter", 10_000)
    with pytest.raises(TooManyAgents, match="10,000") as refused:
        placement.add_range("counter", 1)
    assert (refused.value.limit, refused.value.where) == (10_000, "engine")
    assert placement.count == 10_000


def test_what_does_not_fit_the_pools_of_a_kind_names_them() -> None:
    placement = Placement([PoolSpec("a", agents=5, kinds=("x",)), PoolSpec("b", agents=100, kinds=("y",))], 1_000)
    with pytest.raises(TooManyAgents, match="a have room for 5") as refused:
        placement.add_range("x", 6)
    assert (refused.value.limit, refused.value.where) == (5, "a")
    assert placement.used == [0, 0]
    assert placement.kinds() == []


@pytest.mark.parametrize(
    "spawn", [lambda p: p.add_range("counter", 10_001), lambda p: p.add_names("counter", map(str, range(10_001)))]
)
def test_a_refused_spawn_leaves_no_trace(spawn: Any) -> None:
    placement = four()
    with pytest.raises(TooManyAgents):
        spawn(placement)
    assert (placement.count, placement.used, placement.kinds(), placement.count_of("counter")) == (0, [0] * 4, [], 0)


def test_a_kind_that_no_pool_takes_is_refused_with_the_mend() -> None:
    with pytest.raises(UnknownKind, match="add it to the kinds of a pool"):
        Placement([PoolSpec("a", kinds=("x",))], 10).add_range("y", 1)


def test_an_agent_that_is_placed_by_its_address_has_the_same_pool_whoever_came_before() -> None:
    names = [f"n{number}" for number in range(400)]
    first, other = four(), four()
    other.add_range("counter", 5_000)
    placed = [first.add_name("memory", name) for name in names]
    assert [other.add_name("memory", name) for name in reversed(names)] == placed[::-1]
    assert [first.pool_of("memory", name) for name in names] == placed
    assert all(80 < placed.count(pool) < 120 for pool in range(4))
    assert (first.count, first.used, first.count_of("memory")) == (400, [placed.count(pool) for pool in range(4)], 400)


def test_agents_that_are_placed_by_their_addresses_are_spread_over_the_shards_of_each_pool() -> None:
    placement = four(workers=2)
    for number in range(400):
        placement.add_name("memory", f"n{number}")
    for pool in range(4):
        workers = [placement.worker_of("memory", name)[1] for name in placement.names_of("memory", pool)]
        assert 0.3 < sum(workers) / len(workers) < 0.7


def test_an_agent_is_placed_by_its_address_only_in_a_pool_that_takes_its_kind_and_has_room() -> None:
    placement = Placement([PoolSpec("a", agents=1, kinds=("x",)), PoolSpec("b", agents=9, kinds=("y",))], 10)
    assert placement.add_name("x", "one") == 0
    with pytest.raises(TooManyAgents, match=r"x/two belongs into a, .* 1 agents \(pools\.a\.agents\)") as refused:
        placement.add_name("x", "two")
    assert (refused.value.limit, refused.value.where) == (1, "a")
    with pytest.raises(UnknownKind, match="no pool takes"):
        placement.add_name("z", "one")
    with pytest.raises(TooManyAgents, match="this engine's limit"):
        Placement([PoolSpec("a")], 0).add_name("x", "one")
    assert (placement.count, placement.used, placement.has("x", "two")) == (1, [1, 0], False)


def test_named_agents_are_placed_once() -> None:
    placement = four()
    placed = placement.add_names("module", ["os", "re", "os", "ast"])
    assert sorted(name for names in placed.values() for name in names) == ["ast", "os", "re"]
    assert placement.add_names("module", ["re", "io"])
    assert placement.count == 4
    assert placement.add_names("module", ["re"]) == {}
    assert {placement.pool_of("module", name) for name in ("os", "re", "ast", "io")} <= {0, 1, 2, 3}
    assert sorted(name for pool in range(4) for name in placement.names_of("module", pool)) == ["ast", "io", "os", "re"]


@pytest.mark.parametrize(
    ("kind", "key", "said"),
    [
        ("counter", 5, "counter/0 to counter/4"),
        ("counter", "5", "counter/0 to counter/4"),
        ("module", "x", "1 with names, such as module/os"),
        ("nope", 1, "counter, module"),
    ],
)
def test_an_agent_that_is_not_there_is_refused_with_those_that_are(kind: str, key: Any, said: str) -> None:
    placement = four()
    placement.add_range("counter", 5)
    placement.add_names("module", ["os"])
    with pytest.raises((UnknownAgent, UnknownKind)) as refused:
        placement.pool_of(kind, key)
    assert said in str(refused.value)


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 10])
def test_an_agents_worker_is_the_owner_of_its_shard(workers: int) -> None:
    placement = Placement([PoolSpec("a", agents=1_000, workers=workers)], 1_000)
    placement.add_range("counter", 500)
    seen = set()
    for key in range(500):
        pool, worker = placement.worker_of("counter", key)
        assert (pool, worker) == (0, owner_of(shard_of(f"counter/{key}".encode(), 10), workers))
        seen.add(worker)
    assert seen == set(range(workers))


def test_every_shard_has_one_owner() -> None:
    for workers in range(1, 11):
        assert {owner_of(shard, workers) for shard in range(10)} == set(range(workers))


@pytest.mark.parametrize(
    ("count", "weights", "parts"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (5, [1, 1], [3, 2]),
        (0, [1, 2], [0, 0]),
        (100, [0.4, 0.6], [40, 60]),
        (7, [0, 1, 0], [0, 7, 0]),
        (1, [0.1, 0.2, 0.7], [0, 0, 1]),
        (1_000, [20, 60, 15, 5], [200, 600, 150, 50]),
        (3, [1e-9, 1.0], [0, 3]),
    ],
)
def test_a_count_is_divided_by_the_largest_remainder(count: int, weights: list[float], parts: list[int]) -> None:
    assert shares(count, weights) == parts


def test_a_pool_that_is_full_takes_no_more() -> None:
    placement = Placement([PoolSpec("a", agents=1), PoolSpec("b", agents=9)], 100)
    placement.add_range("counter", 10)
    assert placement.used == [1, 9]


def test_agents_of_a_kind_take_turns_within_a_pool() -> None:
    placement = four()
    placement.add_range("counter", 40)
    for pool in range(4):
        keys = {placement.nth("counter", pool, turn) for turn in range(10)}
        assert keys == {key for key in range(40) if placement.pool_of("counter", key) == pool}


def test_named_agents_take_their_turn_too() -> None:
    placement = Placement([PoolSpec("a")], 100)
    placement.add_range("counter", 2)
    placement.add_names("counter", ["x", "y"])
    assert {placement.nth("counter", 0, turn) for turn in range(8)} == {0, 1, "x", "y"}


def test_the_pools_that_hold_a_kind_are_known() -> None:
    placement = Placement([PoolSpec("a", kinds=("x",)), PoolSpec("b"), PoolSpec("c", kinds=("y",))], 100)
    placement.add_names("x", ["n"])
    placement.add_range("y", 4)
    assert set(placement.holders("y")) == {1, 2}
    assert set(placement.holders("x")) <= {0, 1}
    with pytest.raises(UnknownKind, match="x, y"):
        placement.holders("z")


# -- what was kept -----------------------------------------------------------------------------------------------------


def test_what_is_restored_is_as_it_was_placed() -> None:
    before = four()
    parts = [before.add_range("counter", 10), before.add_range("counter", 7)]
    names = before.add_names("counter", ["x", "y", "z"])
    after = four()
    after.restore("counter", [part for made in parts for part in made], list(names.items()))
    assert (after.count, after.used, after.count_of("counter")) == (before.count, before.used, 20)
    for key in [*range(17), "x", "y", "z"]:
        assert after.pool_of("counter", key) == before.pool_of("counter", key)
    assert after.page("counter", 0, 100) == before.page("counter", 0, 100)
    assert [after.names_of("counter", pool) for pool in range(4)] == [before.names_of("counter", pool) for pool in range(4)]
    with pytest.raises(UnknownAgent):
        after.pool_of("counter", 17)


def test_after_a_restore_spawning_goes_on_behind_it() -> None:
    placement = four()
    placement.restore("counter", [Part(2, 0, 5)], [(1, ["x"])])
    assert placement.add_range("counter", 4)[0].start == 5
    assert placement.add_names("counter", ["x"]) == {}
    assert placement.pool_of("counter", 4) == 2
    assert placement.pool_of("counter", "x") == 1
    assert placement.count == 10


def test_limits_bind_what_is_new_and_not_what_was_kept() -> None:
    placement = Placement([PoolSpec("a", agents=5)], 8)
    placement.restore("counter", [Part(0, 0, 20)], [])
    assert (placement.count, placement.used) == (20, [20])
    with pytest.raises(TooManyAgents):
        placement.add_range("counter", 1)
    with pytest.raises(TooManyAgents):
        placement.add_names("counter", ["x"])
    assert placement.count == 20


# -- agents that were taken out ----------------------------------------------------------------------------------------


def test_agents_that_are_taken_out_are_unknown_and_their_numbers_are_free_again() -> None:
    placement = four()
    placement.add_range("counter", 100)
    placement.add_names("counter", ["a", "b"])
    parts, names = placement.take("counter", [(0, 1), (40, 60), (99, 200)], ["a", "z"])
    assert sum(part.stop - part.start for part in parts) == 22
    assert sum(map(len, names.values())) == 1
    assert (placement.count, placement.count_of("counter"), placement.numbered("counter")) == (79, 79, 78)
    assert sum(placement.used) == 79
    for key in (0, 40, 59, 99, 100, "a"):
        assert not placement.has("counter", key)
        with pytest.raises(UnknownAgent, match="78 of counter/1 to counter/98"):
            placement.find(f"counter/{key}")
    assert placement.page("counter", 0, 200) == [*range(1, 40), *range(60, 99), "b"]
    assert placement.page("counter", 38, 3) == [39, 60, 61]
    assert placement.page("counter", 77, 5) == [98, "b"]
    made = placement.add_range("counter", 23)
    assert sorted(key for part in made for key in range(part.start, part.stop)) == [0, *range(40, 60), 99, 100]
    assert placement.page("counter", 0, 101) == list(range(101))


def test_a_kind_whose_agents_are_all_taken_out_has_none_anywhere() -> None:
    placement = four()
    placement.add_range("counter", 10)
    placement.add_names("counter", ["a"])
    placement.take("counter", [(0, 10)], ["a"])
    assert (placement.count, placement.used) == (0, [0] * 4)
    with pytest.raises(UnknownKind):
        placement.holders("counter")
    with pytest.raises(UnknownAgent, match="none of kind"):
        placement.find("counter/3")
    assert placement.take("nobody", [(0, 9)], ["a"]) == ([], {})


def test_any_history_of_spawns_and_removals_is_that_of_a_set(chance: Random) -> None:
    placement = Placement([PoolSpec("a", agents=200), PoolSpec("b", agents=100)], 300)
    there: set[int] = set()
    for _ in range(200):
        if chance.random() < 0.5 and len(there) < 250:
            count = chance.randrange(1, 20)
            fresh = [key for key in range(600) if key not in there][:count]
            made = placement.add_range("counter", count)
            assert [key for part in made for key in range(part.start, part.stop)] == fresh
            there.update(fresh)
        else:
            start = chance.randrange(200)
            stop = start + chance.randrange(1, 40)
            parts, _ = placement.take("counter", [(start, stop)], [])
            assert {key for part in parts for key in range(part.start, part.stop)} == there & set(range(start, stop))
            there.difference_update(range(start, stop))
        assert placement.page("counter", 0, 1_000) == sorted(there)
        assert placement.count == placement.numbered("counter") == sum(placement.used) == len(there)
        for key in range(0, 260, 7):
            assert placement.has("counter", key) == (key in there)
    for pool in (0, 1):
        assert all(placement.find(f"counter/{part.start}")[0] == pool for part in placement.parts_of("counter", pool))


def test_who_is_told_by_a_gauge_is_found_by_number_and_by_name() -> None:
    placement = four()
    placement.add_range("counter", 17)
    placement.add_names("counter", ["x", "y", "16"])
    placement.add_names("scout", ["x"])
    for kind, key in (("counter", 0), ("counter", 16), ("counter", "16"), ("counter", "y"), ("scout", "x")):
        assert placement.named(who_is(kind, key)) == f"{kind}/{key}"
    for who in (0, who_is("counter", "z"), who_is("nobody", 1), 2**64 - 1):
        assert placement.named(who) == ""
