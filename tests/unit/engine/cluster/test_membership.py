"""Membership: five states by silence, as the receiver's own clock measures it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.membership import NODES, OVER, Membership, Patience
from engine.cluster.records import Heartbeat, NodeInfo
from engine.errors import ConfigError


def beat(node: str = "n1", number: int = 1, incarnation: str = "a", **facts: Any) -> Heartbeat:
    info = NodeInfo(node, incarnation, "worker", ("counter",), (), 100, "1")
    told: dict[str, Any] = {"running": 0, "room": 10, "is_draining": False, "superseded": 0, "wall_s": 1_000.0} | facts
    return Heartbeat(info, number, **told)


def state(membership: Membership, now_s: float, node: str = "n1") -> str:
    return membership.members(now_s)[node].state


def test_a_silent_node_is_suspicious_then_offline_then_forgotten() -> None:
    membership = Membership(Patience())
    membership.hear(beat(), 100.0, 1_000.0)
    assert [state(membership, at) for at in (100.0, 129.9, 130.0, 159.9, 160.0)] == [
        "online", "online", "suspicious", "suspicious", "offline",
    ]  # fmt: skip
    assert membership.forget(100.0 + 86_399) == []
    assert membership.forget(100.0 + 86_400) == ["n1"]
    assert membership.members(100.0) == {}


def test_a_node_that_is_heard_again_is_online_again() -> None:
    membership = Membership(Patience())
    membership.hear(beat(), 0.0, 0.0)
    assert state(membership, 70.0) == "offline"
    assert membership.hear(beat(number=2), 70.0, 0.0)
    assert state(membership, 70.0) == "online"


def test_a_full_node_is_busy_and_a_draining_one_draining() -> None:
    membership = Membership(Patience())
    membership.hear(beat(running=10), 0.0, 0.0)
    membership.hear(beat("n2", is_draining=True, running=10), 0.0, 0.0)
    membership.hear(beat("n3", room=0), 0.0, 0.0)
    assert [state(membership, 1.0, node) for node in ("n1", "n2", "n3")] == ["busy", "draining", "busy"]


def test_a_late_or_repeated_heartbeat_is_no_sign_of_life() -> None:
    membership = Membership(Patience())
    membership.hear(beat(number=5), 0.0, 0.0)
    assert not membership.hear(beat(number=5), 40.0, 0.0)
    assert not membership.hear(beat(number=4), 40.0, 0.0)
    assert state(membership, 40.0) == "suspicious"


def test_a_late_heartbeat_of_a_gateway_that_was_followed_says_nothing() -> None:
    membership = Membership(Patience())
    membership.hear(beat(number=50, incarnation="a", running=10), 0.0, 0.0)
    assert membership.hear(beat(number=1, incarnation="b"), 1.0, 0.0)
    assert not membership.hear(beat(number=51, incarnation="a", running=10), 2.0, 0.0)
    assert membership.members(2.0)["n1"].heartbeat.info.incarnation == "b"
    for number in range(OVER - 1):
        membership.hear(beat(incarnation=f"c{number}"), 3.0, 0.0)
    assert not membership.hear(beat(number=52, incarnation="a"), 4.0, 0.0)


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(-1e6, 1e6)), max_size=20))
def test_what_a_node_says_of_the_time_changes_nothing(steps: list[tuple[float, float]]) -> None:
    right, wrong = Membership(Patience()), Membership(Patience())
    now_s = 0.0
    for number, (passed_s, skew_s) in enumerate(steps):
        now_s += passed_s
        right.hear(beat(number=number + 1), now_s, 1_000.0)
        wrong.hear(replace(beat(number=number + 1), wall_s=1e7 + skew_s), now_s, 1_000.0)
        for later_s in (0.0, 30.0, 60.0):
            said = {node: (member.state, member.silent_s) for node, member in right.members(now_s + later_s).items()}
            assert {node: (each.state, each.silent_s) for node, each in wrong.members(now_s + later_s).items()} == said


def test_the_skew_of_a_node_is_shown() -> None:
    membership = Membership(Patience())
    membership.hear(beat(wall_s=4_600.0), 0.0, 1_000.0)
    assert membership.members(0.0)["n1"].skew_s == 3_600.0


def test_a_node_that_left_is_known_no_more() -> None:
    membership = Membership(Patience())
    membership.hear(beat(), 0.0, 0.0)
    membership.leave("n1")
    membership.leave("n1")
    assert membership.members(0.0) == {}


def test_invented_names_do_not_fill_the_memory() -> None:
    membership = Membership(Patience())
    for number in range(NODES + 10):
        membership.hear(beat(f"x{number}"), 0.0, 0.0)
    assert len(membership.members(0.0)) == NODES
    assert membership.hear(beat("n1"), 90_000.0, 0.0)
    assert list(membership.members(90_000.0)) == ["n1"]


@pytest.mark.parametrize("facts", [{"heartbeat_s": 0}, {"suspicious_s": 5}, {"offline_s": 30}, {"forget_s": 1}])
def test_times_that_do_not_grow_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="grow"):
        Patience(**facts)
