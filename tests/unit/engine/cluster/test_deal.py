"""Tasks, dealt among nodes."""

from __future__ import annotations

import json

from engine.cluster.deal import deal
from engine.cluster.node import Address, Node

NODES = [Node("n1", Address("a"), "primary", 300), Node("n2", Address("b"), "worker", 100)]


def test_tasks_for_a_kind_are_dealt_by_what_nodes_may_hold() -> None:
    dealt, refused = deal([b'{"kind": "a", "method": "m"}'] * 400, NODES)
    assert [len(dealt[name].numbers) for name in ("n1", "n2")] == [300, 100]
    assert refused == []


def test_a_task_keeps_the_id_it_would_have_and_its_numbers_as_they_were_written() -> None:
    lines = [
        b"",
        b'{"kind": "a", "method": "m", "args": [1.10, 12345678901234567890]}',
        b'{"kind": "a", "method": "m", "id": "x"}',
    ]
    dealt, _ = deal(lines, NODES[:1])
    first, second = dealt["n1"].lines.splitlines()
    assert first == b'{"id":0,"kind": "a", "method": "m", "args": [1.10, 12345678901234567890]}'
    assert second == lines[2]
    assert dealt["n1"].numbers == [2, 3]


def test_a_task_for_an_agent_needs_its_node() -> None:
    lines = [
        b'{"agent": "a/1", "method": "m"}',
        b'{"agent": "a/1", "node": "n2", "method": "m"}',
        b'{"node": "n9"}',
        b"[]",
        b"{",
    ]
    dealt, refused = deal(lines, NODES)
    assert json.loads(dealt["n2"].lines) == {"id": 1, "agent": "a/1", "method": "m"}
    assert [one["line"] for one in refused] == [1, 3, 4, 5]
    assert dealt["n1"].numbers == []
