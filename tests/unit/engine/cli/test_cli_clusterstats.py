"""What all nodes count, as a table."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest

from engine.cli.clusterstats import fabric_line, table_lines
from engine.cluster.sums import summed


def snapshot(version: str) -> dict[str, Any]:
    tasks = dict.fromkeys(("accepted", "done", "failed", "cancelled", "expired", "open"), 2)
    groups = {"agents": {"total": 3}, "workers": {"running": 1, "total": 1}, "memory_bytes": {"total": 5_000_000}}
    return {**groups, "tasks": tasks, "version": version}


def test_nodes_with_different_versions_are_named() -> None:
    nodes = [
        {"node": name, "state": "running", "reason": None, "stats": snapshot(version)}
        for name, version in (("n1", "0.1.0"), ("n2", "0.2.0"), ("n3", "0.1.0"))
    ]
    nodes.append({"node": "n4", "state": "unreachable", "reason": "no route", "stats": None})
    lines = table_lines(Namespace(no_color=True), summed("swarm", 1.0, nodes))
    assert lines[-1] == "nodes have different versions: 0.1.0 on n1, n3; 0.2.0 on n2; mend: engine cluster up"
    assert lines[-2].split()[:5] == ["all", "3", "of", "4", "9"]
    assert "no route" in lines[-3]


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        ({}, ""),
        ({"journal": {"changes": "taken"}, "workers": {"running": 1, "total": 1, "full": 0, "stopped": 0}}, ""),
        ({"journal": {"changes": "full"}}, "its disk is full: it takes no changes"),
        ({"workers": {"running": 1, "total": 1, "full": 1}}, "its disk is full: it takes no changes"),
        (
            {"journal": {"changes": "full"}, "workers": {"running": 1, "total": 1, "stopped": 1}},
            "its disk has failed: it takes no changes",
        ),
    ],
)
def test_a_node_that_keeps_nothing_says_why(stands: dict[str, Any], said: str) -> None:
    told = [{"node": "n1", "state": "running", "reason": None, "stats": snapshot("0.1.0") | stands}]
    line = table_lines(Namespace(no_color=True), summed("swarm", 1.0, told))[-2]
    assert line.rstrip().endswith(said or "0.1.0")


def test_kinds_that_live_on_some_nodes_alone_are_named() -> None:
    fabric: dict[str, Any] = {"is_up": True, "leader": None, "members": {}, "streams": {"tasks": None}, "superseded": 0}
    assert "alone" not in fabric_line(fabric | {"plan": {"where": {}}})
    assert "till lives on n1, n2 alone" in fabric_line(fabric | {"plan": {"where": {"till": ["n1", "n2"]}}})
    many = {f"k{number}": ["n1"] for number in range(7)}
    assert "k4 lives on n1 alone; 2 more kinds live on some nodes alone" in fabric_line(fabric | {"plan": {"where": many}})
