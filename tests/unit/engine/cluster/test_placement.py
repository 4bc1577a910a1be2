"""Placement: every node comes to the same answer, each gets what it weighs, and a change moves only whom it must."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster import placement
from engine.cluster.placement import drawn, place

names = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
nodes = st.sets(names, min_size=1, max_size=8)
weights = st.integers(1, 100_000) | st.integers(1, 4)
weighed = st.dictionaries(names, weights, min_size=1, max_size=8)
addresses = st.builds("counter/{}".format, st.integers(0, 10_000))
FOUR = ("n1", "n2", "n3", "n4")


@given(addresses, weighed, st.randoms())
def test_the_order_in_which_nodes_are_known_does_not_matter(address: str, weights: dict[str, int], chance) -> None:
    mixed = list(weights)
    chance.shuffle(mixed)
    assert place(address, mixed, weights) == place(address, sorted(weights), weights)


@given(addresses, weighed, names, weights)
def test_a_node_that_joins_takes_and_gives_nothing_between_others(
    address: str, weights: dict[str, int], newcomer: str, weight: int
) -> None:
    before = {node: each for node, each in weights.items() if node != newcomer}
    after = before | {newcomer: weight}
    assert place(address, after, after) in {place(address, before, before), newcomer}


@given(addresses, weighed)
def test_a_node_that_leaves_takes_only_its_own_with_it(address: str, weights: dict[str, int]) -> None:
    home = place(address, weights, weights)
    for gone in weights.keys() - {home}:
        assert place(address, weights.keys() - {gone}, weights) == home


@given(addresses, weighed, st.data(), weights)
def test_a_node_that_weighs_more_only_takes_and_one_that_weighs_less_only_gives(
    address: str, weights: dict[str, int], data: st.DataObject, weight: int
) -> None:
    node = data.draw(st.sampled_from(sorted(weights)))
    before, after = place(address, weights, weights), place(address, weights, weights | {node: weight})
    if before != after:
        assert (after if weight > weights[node] else before) == node


@given(addresses, weighed, st.integers(1, 1_000))
def test_what_all_weigh_more_alike_changes_nothing(address: str, weights: dict[str, int], factor: int) -> None:
    assert place(address, weights, {node: weight * factor for node, weight in weights.items()}) == place(
        address, weights, weights
    )


@given(addresses, nodes, weights)
def test_nodes_that_weigh_the_same_are_placed_as_if_nobody_had_weighed_them(address: str, names: set[str], weight: int) -> None:
    most = max(names, key=lambda node: (drawn(address, node), node))
    assert place(address, names) == place(address, names, dict.fromkeys(names, weight)) == most


@given(addresses, weighed)
def test_exact_numbers_say_the_same_as_those_of_the_processor(address: str, weights: dict[str, int]) -> None:
    quick = place(address, weights, weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placement, "DOUBT", 1e9)  # whatever it is, it is in doubt
        assert place(address, weights, weights) == quick


def test_where_those_of_the_processor_cannot_tell_exact_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"a": 2**64 - 1, "b": 2**64 - 4}  # -ln of both is 0 to a processor; those are as 1 to 7
    monkeypatch.setattr(placement, "drawn", lambda _address, node: numbers[node])
    assert [place("counter/1", "ab", {"a": 1, "b": weight}) for weight in (6, 7, 8)] == ["a", "a", "b"]


def test_agents_are_spread_evenly() -> None:
    homes = [place(f"counter/{key}", FOUR) for key in range(4_000)]
    assert all(900 < homes.count(node) < 1_100 for node in FOUR)


@pytest.mark.parametrize(
    "weights",
    [
        {"n1": 1, "n2": 4},
        {"n1": 1_000, "n2": 4_000, "n3": 4_000},
        {"n1": 2_500, "n2": 2_501, "n3": 10, "n4": 7_919},
        dict.fromkeys(map("n{}".format, range(20)), 1) | {"n0": 20},
    ],
)
def test_each_gets_what_it_weighs(weights: dict[str, int]) -> None:
    agents = 20_000
    found = Counter(place(f"counter/{key}", weights, weights) for key in range(agents))
    for node, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(found[node] - agents * share) < 4 * sqrt(agents * share * (1 - share)), (node, found)


def test_nobody_has_no_place() -> None:
    assert place("counter/1", []) is None


def test_the_rule_is_the_same_for_ever() -> None:
    assert drawn("counter/17", "n1") == 13_157_000_289_209_093_022
    assert [place(f"counter/{key}", ["n1", "n2", "n3"]) for key in range(6)] == ["n2", "n3", "n2", "n2", "n3", "n1"]
    unlike = {"n1": 1_000, "n2": 2_500, "n3": 4_000}
    homes = [place(f"counter/{key}", unlike, unlike) for key in range(12)]
    assert homes == ["n2", "n3", "n2", "n2", "n3", "n3", "n2", "n2", "n1", "n3", "n2", "n3"]
