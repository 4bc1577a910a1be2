"""Placement: every node comes to the same answer, and a change moves only whom it must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.placement import place, weight

nodes = st.sets(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), min_size=1, max_size=8)
addresses = st.builds("counter/{}".format, st.integers(0, 10_000))


@given(addresses, nodes, st.randoms())
def test_the_order_in_which_nodes_are_known_does_not_matter(address: str, names: set[str], chance) -> None:
    mixed = list(names)
    chance.shuffle(mixed)
    assert place(address, mixed) == place(address, sorted(names))


@given(addresses, nodes, st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True))
def test_a_node_that_joins_takes_and_gives_nothing_between_others(address: str, names: set[str], newcomer: str) -> None:
    assert place(address, names | {newcomer}) in {place(address, names), newcomer}


@given(addresses, nodes)
def test_a_node_that_leaves_takes_only_its_own_with_it(address: str, names: set[str]) -> None:
    home = place(address, names)
    for gone in names - {home}:
        assert place(address, names - {gone}) == home


def test_agents_are_spread_evenly() -> None:
    homes = [place(f"counter/{key}", ["n1", "n2", "n3", "n4"]) for key in range(4_000)]
    assert all(900 < homes.count(node) < 1_100 for node in ("n1", "n2", "n3", "n4"))


def test_nobody_has_no_place() -> None:
    assert place("counter/1", []) is None


def test_the_rule_is_the_same_for_ever() -> None:
    assert weight("counter/17", "n1") == 13_157_000_289_209_093_022
    assert [place(f"counter/{key}", ["n1", "n2", "n3"]) for key in range(6)] == ["n2", "n3", "n2", "n2", "n3", "n1"]
