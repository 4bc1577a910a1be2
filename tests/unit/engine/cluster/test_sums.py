"""What the engines of all nodes count, added."""

from __future__ import annotations

from engine.cluster.sums import summed


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
