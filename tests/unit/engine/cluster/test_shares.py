"""A number of agents, divided among nodes; and what nodes count, added."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.cli.clusterspawn import shares
from engine.cluster.sums import summed


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=40), st.data())
def test_shares_add_up_and_no_node_has_more_than_its_room(rooms: list[int], data: st.DataObject) -> None:
    wanted = data.draw(st.integers(0, sum(rooms)))
    parts = shares(wanted, rooms)
    assert sum(parts) == wanted
    for part, room in zip(parts, rooms, strict=True):
        assert 0 <= part <= room
        assert abs(part - wanted * room / sum(rooms)) < 1


def test_a_node_that_did_not_answer_is_in_no_sum() -> None:
    stats = {"agents": {"total": 3, "kinds": {"a": 3}}, "tasks": {"done": 2}, "version": "1"}
    nodes = [
        {"node": "n1", "state": "running", "stats": stats},
        {"node": "n2", "state": "lost", "stats": None},
        {"node": "n3", "state": "running", "stats": {"agents": "no", "tasks": {"done": True}, "version": "2"}},
    ]
    told = summed("swarm", 1.0, nodes)
    assert told["agents"]["total"] == 3
    assert told["agents"]["kinds"] == {"a": 3}
    assert told["tasks"]["done"] == 2
    assert told["nodes"] == {"total": 3, "answered": 2, "missing": 1}
    assert told["versions"] == ["1", "2"]
