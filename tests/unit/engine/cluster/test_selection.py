"""Selection: the node with the most room, and never one that is full, draining or not heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.membership import Member, Membership, Patience, State
from engine.cluster.records import Heartbeat, NodeInfo
from engine.cluster.selection import able, has_skill, rank

STATES: list[State] = ["online", "busy", "draining", "suspicious", "offline"]


def member(node: str, running: int, room: int, *, kinds=("counter",), capabilities=(), state: State = "online") -> Member:
    info = NodeInfo(node, "a", "worker", tuple(kinds), tuple(capabilities), 100, "1")
    return Member(Heartbeat(info, 1, running, room, state == "draining", 0, 0.0), state, 0.0, 0.0)


def test_the_largest_free_share_is_first_then_the_larger_room() -> None:
    members = {
        "a": member("a", 5, 10),
        "b": member("b", 10, 100),
        "c": member("c", 0, 10),
        "d": member("d", 50, 100),
    }
    assert rank(members, "counter") == ["c", "b", "d", "a"]


def test_kind_and_capability_are_needed() -> None:
    members = {
        "a": member("a", 0, 10, kinds=("other",)),
        "b": member("b", 0, 10, capabilities=("gpu",)),
        "c": member("c", 0, 10),
    }
    assert rank(members, "counter") == ["b", "c"]
    assert rank(members, "counter", "gpu") == ["b"]
    assert rank(members, "nobody") == []
    assert has_skill(members["b"], "counter", "gpu")
    assert not has_skill(members["c"], "counter", "gpu")


def test_some_room_is_kept_for_what_is_urgent() -> None:
    members = {"a": member("a", 90, 100), "b": member("b", 75, 100)}
    assert [rank(members, "counter", priority=priority) for priority in range(4)] == [[], ["b"], ["b", "a"], ["b", "a"]]


def test_a_full_node_is_able_though_it_has_no_room() -> None:
    members = {"a": member("a", 10, 10, state="busy"), "b": member("b", 0, 10, state="suspicious")}
    assert able(members, "counter") == ["a"]
    assert rank(members, "counter") == []


@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.booleans(), st.floats(0, 100)),
        max_size=8,
    ),
    st.integers(0, 3),
)
def test_never_a_full_a_draining_or_a_silent_node(told: dict[str, tuple[int, int, bool, float]], priority: int) -> None:
    membership = Membership(Patience())
    for node, (running, room, is_draining, heard_s) in told.items():
        info = NodeInfo(node, "a", "worker", ("counter",), (), 100, "1")
        membership.hear(Heartbeat(info, 1, running, room, is_draining, 0, 0.0), heard_s, 0.0)
    ranked = rank(membership.members(100.0), "counter", priority=priority)
    for node in ranked:
        running, room, is_draining, heard_s = told[node]
        assert running < room
        assert not is_draining
        assert 100.0 - heard_s < 30.0
    for node, (running, room, is_draining, heard_s) in told.items():
        if running == 0 and room and not is_draining and 100.0 - heard_s < 30.0:
            assert node in ranked
