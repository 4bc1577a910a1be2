"""Whatever is spawned, every agent has one pool and one worker, and no limit is passed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools import placement as module
from pools.errors import TooManyAgents, UnknownAgent, UnknownKind
from pools.placement import Placement, shares
from pools.spec import PoolSpec

KINDS = ("a", "b", "c")
POOLS = st.lists(
    st.builds(
        PoolSpec,
        name=st.just("p"),
        agents=st.integers(0, 60),
        workers=st.integers(1, 4),
        kinds=st.sets(st.sampled_from(KINDS), max_size=2).map(lambda kinds: tuple(sorted(kinds))),
    ),
    min_size=1,
    max_size=5,
)
SPAWNS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 80) | st.lists(st.sampled_from([f"n{number}" for number in range(40)]), max_size=30),
    ),
    max_size=8,
)


def check(placement: Placement, numbered: Counter[str], named: dict[str, set[str]]) -> None:
    """Every invariant, against what was spawned by another count."""
    used: Counter[int] = Counter()
    for kind in KINDS:
        keys: list[Any] = [*range(numbered[kind]), *sorted(named[kind])]
        assert placement.count_of(kind) == len(keys)
        assert placement.numbered(kind) == numbered[kind]
        for key in keys:
            pool, worker = placement.worker_of(kind, key)
            assert pool == placement.pool_of(kind, key)
            assert 0 <= worker < placement.pools[pool].workers
            assert not placement.pools[pool].kinds or kind in placement.pools[pool].kinds
            used[pool] += 1
        for missing in (numbered[kind], "missing"):
            with pytest.raises((UnknownAgent, UnknownKind)):
                placement.pool_of(kind, missing)
        told: list[Any] = []
        for pool in range(len(placement.pools)):
            told += [
                key for part in placement.parts_of(kind, pool) for key in range(part.start, part.stop)
            ] + placement.names_of(kind, pool)
        assert sorted(map(str, told)) == sorted(map(str, keys))
    assert placement.used == [used[pool] for pool in range(len(placement.pools))]
    assert all(count <= spec.agents for count, spec in zip(placement.used, placement.pools, strict=True))
    assert placement.count == sum(used.values()) <= placement.limit


@given(POOLS, st.integers(0, 150), SPAWNS)
def test_every_agent_has_one_place_and_no_limit_is_passed(
    pools: list[PoolSpec], limit: int, spawns: list[tuple[str, Any]]
) -> None:
    placement = Placement(pools, limit)
    numbered: Counter[str] = Counter()
    named: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind, what in spawns:
        before = (placement.count, list(placement.used), placement.kinds(), [placement.count_of(each) for each in KINDS])
        try:
            if isinstance(what, int):
                placement.add_range(kind, what)
                numbered[kind] += what
            else:
                placement.add_names(kind, what)
                named[kind] |= set(what)
        except (TooManyAgents, UnknownKind):
            assert (placement.count, placement.used, placement.kinds(), [placement.count_of(each) for each in KINDS]) == before
            room = sum(
                spec.agents - used
                for spec, used in zip(pools, placement.used, strict=True)
                if not spec.kinds or kind in spec.kinds
            )
            wanted = what if isinstance(what, int) else len(set(what) - named[kind])
            assert (
                wanted > room
                or placement.count + wanted > limit
                or not any(not spec.kinds or kind in spec.kinds for spec in pools)
            )
        check(placement, numbered, named)


WEIGHTS = st.lists(st.integers(0, 10**6) | st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=12).filter(any)


def shares_are_fair(divide: Callable[[int, list[float]], list[int]], count: int, weights: list[float]) -> None:
    """The sum is right, nobody is off by one or more, and nothing goes to a weight of nothing."""
    parts = divide(count, weights)
    assert sum(parts) == count
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert part >= 0
        assert abs(part - count * weight / total) < 1 + 1e-6
        assert weight or not part


@given(st.integers(0, 10**7), WEIGHTS)
def test_shares_add_up_and_are_within_one_of_the_exact_part(count: int, weights: list[float]) -> None:
    shares_are_fair(shares, count, weights)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10**6), min_size=1, max_size=12))
def test_a_share_never_passes_the_room_it_is_a_share_of(count: int, room: list[int]) -> None:
    wanted = min(count, sum(room))
    assert all(part <= most for part, most in zip(shares(wanted, room), room, strict=True))


def test_rounding_each_share_by_itself_would_be_found() -> None:
    with pytest.raises(AssertionError):
        shares_are_fair(lambda count, weights: [round(count * weight / sum(weights)) for weight in weights], 10, [1, 1, 1])


def test_a_placement_that_passes_a_limit_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "shares", lambda count, weights: [count, *[0] * (len(weights) - 1)])
    placement = Placement([PoolSpec("p", agents=5), PoolSpec("q", agents=5)], 10)
    placement.add_range("a", 8)
    with pytest.raises(AssertionError):
        check(placement, Counter(a=8), {kind: set() for kind in KINDS})
